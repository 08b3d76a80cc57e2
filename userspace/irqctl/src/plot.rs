//! Distributions as pictures.

use crate::{histogram::Histogram, machine, units};
use plotters::{coord::Shift, prelude::*};
use std::{collections::BTreeMap, error::Error, io};

const WIDTH: u32 = 800;
const HEIGHT: u32 = 360;
const FONT: &str = "sans-serif";
const COLOUR: RGBColor = RGBColor(0x48, 0x78, 0xa8);
/// The number of bars for a power of ten.
const BARS: f64 = 20.0;
/// The bottom of the vertical axis, which is logarithmic: below one, so that a bar of one is
/// visible.
const BOTTOM: f64 = 0.5;

type Result<T> = std::result::Result<T, Box<dyn Error>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws distributions in a column, each below its title, as SVG.
pub fn svg(histograms: &[(String, &Histogram)]) -> io::Result<String> {
    draw_all(histograms).map_err(|e| io::Error::other(format!("the drawing failed: {e}")))
}

fn draw_all(histograms: &[(String, &Histogram)]) -> Result<String> {
    let mut svg = String::new();
    let size = (WIDTH, HEIGHT * histograms.len() as u32);
    let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
    root.fill(&WHITE)?;
    for ((title, histogram), area) in
        histograms.iter().zip(root.split_evenly((histograms.len(), 1)))
    {
        draw(&area, title, histogram)?;
    }
    root.present()?;
    drop(root);
    Ok(svg)
}

fn draw(area: &Area, title: &str, histogram: &Histogram) -> Result<()> {
    let summary = match histogram.count() {
        0 => "none".to_owned(),
        count => format!("{}: {}", units::several(count, "time"), histogram.summary(", ")),
    };
    let rows = [(title.to_owned(), 16), (summary, 12), (machine::describe(), 12)];
    for ((text, size), y) in rows.into_iter().zip([8, 28, 44]) {
        area.draw(&Text::new(text, (16, y), (FONT, size)))?;
    }
    let bars = bars(histogram);
    let (Some((first, _)), Some((last, _))) = (bars.first_key_value(), bars.last_key_value())
    else {
        return Ok(());
    };
    // The axis begins and ends at powers of ten, which have labels.
    let begin = 10f64.powf((time(*first) * 1.0001).log10().floor());
    let end = 10f64.powf((time(*last + 1) * 0.9999).log10().ceil());
    let most = bars.values().copied().max().unwrap_or(1) as f64;
    let mut chart = ChartBuilder::on(area)
        .margin(16)
        .margin_top(64)
        .x_label_area_size(40)
        .y_label_area_size(64)
        .build_cartesian_2d((begin..end).log_scale(), (BOTTOM..most * 2.0).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("time")
        .y_desc("number")
        .x_label_formatter(&|ns| units::time(ns.round() as u64))
        .y_label_formatter(&|number| format!("{number}"))
        .draw()?;
    chart.draw_series(bars.into_iter().map(|(bar, count)| {
        Rectangle::new([(time(bar), BOTTOM), (time(bar + 1), count as f64)], COLOUR.filled())
    }))?;
    Ok(())
}

/// Returns the bars that are not empty, with their heights.
fn bars(histogram: &Histogram) -> BTreeMap<i32, u64> {
    let mut bars = BTreeMap::new();
    for (ns, count) in histogram.times() {
        // Zero has no place on a logarithmic axis.
        let bar = (BARS * (ns.max(1) as f64).log10()).floor() as i32;
        *bars.entry(bar).or_default() += count;
    }
    bars
}

/// Returns the time in nanoseconds at which a bar begins.
fn time(bar: i32) -> f64 {
    10f64.powf(f64::from(bar) / BARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawing(times: &[u64]) -> String {
        let mut histogram = Histogram::new();
        times.iter().for_each(|&time| histogram.add(time));
        svg(&[("a <title>".to_owned(), &histogram)]).expect("a string takes it all")
    }

    #[test]
    fn a_drawing_has_axes_with_labels_and_names_the_machine() {
        let drawn = drawing(&[3_000, 4_000, 25_000, 0]);
        assert!(drawn.starts_with("<svg ") && drawn.trim_end().ends_with("</svg>"), "{drawn}");
        for text in
            ["a &lt;title&gt;", "4 times: min 0 ns", "time", "number", "1.00 µs", ", Linux "]
        {
            assert!(drawn.contains(text), "{text}: {drawn}");
        }
    }

    #[test]
    fn each_time_is_in_a_visible_bar() {
        let bars = |drawn: String| drawn.matches("fill=\"#4878A8\"").count();
        assert_eq!(bars(drawing(&[3_000, 3_001, 30_000])), 2);
        assert_eq!(bars(drawing(&[1])), 1);
        assert_eq!(bars(drawing(&[])), 0);
        assert!(drawing(&[]).contains("none"));
    }
}
