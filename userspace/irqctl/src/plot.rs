//! Distributions as pictures.

use crate::{histogram::Histogram, units};
use std::{
    fmt::Write as _,
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

const WIDTH: usize = 720;
const HEIGHT: usize = 300;
/// The space for the text around a plot.
const MARGIN: usize = 60;
/// The width of the time below a bar.
const LABEL: usize = 50;

/// A file for a drawing.
pub struct Plot {
    path: PathBuf,
    file: File,
}

impl Plot {
    /// Opens the file, so that a wrong path is found before there is anything to draw. An existing
    /// file keeps its contents until [`draw`](Self::draw).
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path);
        let file = file.map_err(|e| error(path, e))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Draws distributions in a column, each below its title.
    pub fn draw(&self, histograms: &[(String, &Histogram)]) -> io::Result<()> {
        let mut file = &self.file;
        // A pipe has no length to set.
        let empty = match file.metadata() {
            Ok(data) if data.is_file() => file.set_len(0),
            _ => Ok(()),
        };
        empty
            .and_then(|()| file.write_all(svg(histograms).as_bytes()))
            .map_err(|e| error(&self.path, e))
    }
}

fn error(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn svg(histograms: &[(String, &Histogram)]) -> String {
    let height = HEIGHT * histograms.len();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for (index, (title, histogram)) in histograms.iter().enumerate() {
        let _ = writeln!(svg, "<g transform=\"translate(0 {})\">", index * HEIGHT);
        draw(&mut svg, title, histogram);
        svg += "</g>\n";
    }
    svg += "</svg>\n";
    svg
}

fn draw(svg: &mut String, title: &str, histogram: &Histogram) {
    let text = |svg: &mut String, x: usize, y: usize, anchor, text: &str| {
        let _ = writeln!(svg, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{text}</text>");
    };
    text(svg, MARGIN, 20, "start", title);
    if histogram.count() == 0 {
        return text(svg, MARGIN, 36, "start", "none");
    }
    let percentiles: Vec<_> = histogram
        .percentiles()
        .iter()
        .map(|(name, time)| format!("{name} {}", units::time(*time)))
        .collect();
    text(svg, MARGIN, 36, "start", &percentiles.join(", "));

    let bands = histogram.bands();
    let most = bands.iter().map(|band| band.count).max().unwrap_or(1);
    let (bottom, room) = (HEIGHT - MARGIN, HEIGHT - 2 * MARGIN);
    let step = (WIDTH - 2 * MARGIN) / bands.len();
    let labelled = LABEL.div_ceil(step);
    for (index, band) in bands.iter().enumerate() {
        let x = MARGIN + index * step;
        let bar = (band.count * room as u64).div_ceil(most) as usize;
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{}\" width=\"{}\" height=\"{bar}\" fill=\"#4878a8\"/>",
            bottom - bar,
            step.saturating_sub(1).max(1)
        );
        if index % labelled == 0 {
            text(svg, x, bottom + 14, "middle", &units::time(band.from));
        }
        if band.count > 0 {
            text(svg, x + step / 2, bottom - bar - 4, "middle", &band.count.to_string());
        }
    }
    let end = MARGIN + bands.len() * step;
    let last = bands.last().map_or(0, |band| band.to);
    if bands.len() % labelled == 0 {
        text(svg, end, bottom + 14, "middle", &units::time(last));
    }
    let _ = writeln!(svg, "<path d=\"M{MARGIN} {bottom}H{end}\" stroke=\"black\" fill=\"none\"/>");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_drawing_replaces_the_contents_of_its_file() {
        let folder = tempfile::tempdir().expect("there is room");
        let path = folder.path().join("plot.svg");
        fs::write(&path, "x".repeat(10_000)).expect("there is room");
        let plot = Plot::open(&path).expect("it is there");
        assert_eq!(fs::read_to_string(&path).expect("it is text").len(), 10_000);
        plot.draw(&[("a title".to_owned(), &Histogram::new())]).expect("there is room");
        let drawn = fs::read_to_string(&path).expect("it is text");
        assert!(drawn.starts_with("<svg ") && drawn.ends_with("</svg>\n"), "{drawn}");
    }

    #[test]
    fn a_wrong_path_is_named() {
        let folder = tempfile::tempdir().expect("there is room");
        let path = folder.path().join("missing/plot.svg");
        let error = Plot::open(&path).err().expect("there is no folder");
        assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
    }
}
