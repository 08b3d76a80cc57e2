//! Formats of events, for `irqctl wait --format`.

use crate::event::Event;
use irq_user::Timestamp;

/// A text with fields, like gpiomon's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Line,
    Irq,
    Count,
    First,
    Last,
    Notes,
}

impl Format {
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, field)) = rest.split_once('%') {
            let letter = field.chars().next().ok_or("a % is written %%")?;
            parts.push(Part::Text(before.to_owned()));
            parts.push(match letter {
                '%' => Part::Text("%".to_owned()),
                'l' => Part::Line,
                'i' => Part::Irq,
                'c' => Part::Count,
                'S' => Part::First,
                'T' => Part::Last,
                'n' => Part::Notes,
                _ => return Err(format!("there is no field %{letter}")),
            });
            rest = &field[letter.len_utf8()..];
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    /// Returns the text for an event of a line.
    pub fn apply(&self, name: &str, irq: Option<u32>, event: &Event) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Line => name.to_owned(),
            Part::Irq => irq.map_or(String::new(), |irq| irq.to_string()),
            Part::Count => event.count.to_string(),
            Part::First => event.first.map_or(String::new(), seconds),
            Part::Last => event.last.map_or(String::new(), seconds),
            Part::Notes => event.notes.text(),
        };
        self.0.iter().map(part).collect()
    }
}

fn seconds(time: Timestamp) -> String {
    const NANOS: u64 = 1_000_000_000;
    let ns = time.as_nanos();
    format!("{}.{:09}", ns / NANOS, ns % NANOS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{event::Notes, json::Clock};

    #[test]
    fn a_format_has_fields() {
        let event = Event {
            count: 3,
            first: Some(Timestamp::from_nanos(1_500_000_001)),
            last: None,
            clock: Clock::Handler,
            notes: Notes { coalesced: true, storm: false },
        };
        for (format, text) in [
            ("", ""),
            ("%l: %c", "edu/msi0: 3"),
            ("%i", "7"),
            ("at %S to %T (%n)", "at 1.500000001 to  (coalesced)"),
            ("100%% %c%%", "100% 3%"),
            ("%%c%%%c", "%c%3"),
        ] {
            let format = Format::parse(format).expect(format);
            assert_eq!(format.apply("edu/msi0", Some(7), &event), text);
        }
        for wrong in ["%", "%x", "%c %"] {
            assert!(Format::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
