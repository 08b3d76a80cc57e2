//! Distributions as pictures.

use crate::{histogram::Histogram, units};
use std::{fmt::Write, fs, io, path::Path};

const WIDTH: usize = 720;
const HEIGHT: usize = 300;
/// The space for the text around a plot.
const MARGIN: usize = 60;
/// The width of the time below a bar.
const LABEL: usize = 50;

/// Draws distributions in a column, each below its title.
pub fn write(path: &Path, histograms: &[(String, &Histogram)]) -> io::Result<()> {
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
    fs::write(path, svg).map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", path.display())))
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
