//! The schema of what the tool prints with `--json`.

use serde_json::{json, Value};
use std::{fs, process::Command};

/// The schema that `irqctl generate` writes.
pub struct Schema(Value);

impl Schema {
    /// Asks the tool for its schema.
    pub fn of(mut irqctl: Command) -> Self {
        let folder = tempfile::tempdir().expect("there is room");
        let generated = irqctl.arg("generate").arg(folder.path()).status();
        assert!(generated.expect("the tool is there").success());
        let schema = fs::read_to_string(folder.path().join("irqctl.schema.json"));
        let schema = schema.expect("it was written").parse();
        Self(schema.expect("the schema is JSON"))
    }

    /// Checks the values that a command has printed, one on each row. They must have the keys of
    /// the schema, and no others.
    pub fn check(&self, command: &str, printed: &str) {
        let mut schema = self.0.clone();
        forbid_other_keys(&mut schema);
        schema["$ref"] = json!(format!("#/$defs/{command}"));
        let schema = jsonschema::validator_for(&schema).expect("it is a schema");
        assert!(!printed.is_empty(), "{command} has printed nothing");
        for row in printed.lines() {
            let value = row.parse().expect("it is JSON");
            let errors: Vec<_> = schema.iter_errors(&value).map(|e| e.to_string()).collect();
            assert!(errors.is_empty(), "{command}: {row}: {errors:?}");
        }
    }
}

fn forbid_other_keys(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            object.values_mut().for_each(forbid_other_keys);
            if object.contains_key("properties") {
                object.insert("additionalProperties".to_owned(), false.into());
            }
        }
        Value::Array(schemas) => schemas.iter_mut().for_each(forbid_other_keys),
        _ => (),
    }
}
