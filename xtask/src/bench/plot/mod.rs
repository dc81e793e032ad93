//! `cargo xtask bench plot`: a file of figures as a picture.

mod lines;
mod spans;

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use plotters::{
    coord::Shift,
    prelude::{DrawingArea, IntoDrawingArea as _, SVGBackend, Text},
    style::{BLACK, Color as _, RGBColor, WHITE},
};

use super::report::Report;

/// Draw the figures of a file that `--json` wrote as an SVG picture
///
/// It has the ratios of the groups acts and work with their spreads, the percentiles of the latency,
/// and what the sensor used over time: whatever of it the file has. The background is white, so that
/// it can be read on a dark page too.
#[derive(Args)]
#[command(after_help = "Example:
  cargo xtask bench plot figures.json --output figures.svg")]
pub(super) struct Arguments {
    /// What is drawn
    figures: PathBuf,
    /// Write the picture to this file
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

pub(super) fn main(arguments: &Arguments) -> Result<()> {
    let report = Report::read(&arguments.figures)?;
    let picture = picture(&report)
        .with_context(|| format!("draw the figures of {}", arguments.figures.display()))?;
    fs::write(&arguments.output, picture)
        .with_context(|| format!("write {}", arguments.output.display()))
}

/// Pixels, as are all lengths below.
const WIDTH: u32 = 960;
/// Of the lines above all panels.
const HEADING: u32 = 58;
const MARGIN: u32 = 10;

/// Colours that people who see fewer of them can tell apart too (Okabe and Ito).
const COLORS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
];
const GRID: RGBColor = RGBColor(222, 222, 222);
const FONT: (&str, u32) = ("sans-serif", 15);
const TITLE_FONT: (&str, u32) = ("sans-serif", 18);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A part of the picture, as wide as the whole.
trait Panel {
    fn height(&self) -> u32;
    fn draw(&self, area: &Area<'_>) -> Result<()>;
}

/// The picture as the text of an SVG file; an error if there is nothing to draw.
fn picture(report: &Report) -> Result<String> {
    let mut panels: Vec<Box<dyn Panel>> = Vec::new();
    for panel in spans::panels(&report.figures) {
        panels.push(Box::new(panel));
    }
    for panel in lines::panels(&report.timelines) {
        panels.push(Box::new(panel));
    }
    ensure!(
        !panels.is_empty(),
        "there is nothing to draw: no ratio of the groups `acts` and `work`, no percentile of the \
         group `latency`, nothing over time of the groups `flood` and `footprint`"
    );

    let height = HEADING + panels.iter().map(|panel| panel.height()).sum::<u32>() + MARGIN;
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, (WIDTH, height)).into_drawing_area();
        root.fill(&WHITE)?;
        let left = i32::try_from(MARGIN)?;
        root.draw(&Text::new(
            "What the sensor costs",
            (left, left),
            ("sans-serif", 22),
        ))?;
        root.draw(&Text::new(subtitle(report), (left, 36), FONT))?;
        let (_, mut rest) = root.split_vertically(HEADING);
        for panel in &panels {
            let (area, below) = rest.split_vertically(panel.height());
            panel.draw(&area)?;
            rest = below;
        }
        root.present()?;
    }
    Ok(text)
}

/// What the figures are of, without the path of the sensor.
fn subtitle(report: &Report) -> String {
    let revision = report.revision.as_ref();
    format!(
        "{}; {}{}{}",
        report.machine.kind(),
        report.date,
        revision
            .map(|revision| format!(", revision {revision}"))
            .unwrap_or_default(),
        if report.quick { ", quick" } else { "" }
    )
}

/// The colour of the series with this number; beyond the last, the first comes again.
fn color(index: usize) -> RGBColor {
    COLORS[index % COLORS.len()]
}

/// A line of a legend, with its colour: `(x, y)` is its left end, halfway up.
fn legend_line(area: &Area<'_>, (x, y): (i32, i32), index: usize, text: &str) -> Result<()> {
    area.draw(&plotters::element::Circle::new(
        (x + 5, y),
        4,
        color(index).filled(),
    ))?;
    area.draw(&Text::new(text.to_owned(), (x + 16, y - 6), FONT))?;
    Ok(())
}

/// The title of a panel, at its upper left.
fn title(area: &Area<'_>, text: &str) -> Result<()> {
    let style = plotters::style::TextStyle::from(TITLE_FONT).color(&BLACK);
    let left = i32::try_from(MARGIN)?;
    area.draw(&Text::new(text.to_owned(), (left, 12), style))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::picture;
    use crate::bench::{
        figure::Figure,
        machine::Machine,
        report::Report,
        timeline::{Point, Timeline},
    };

    fn report() -> Report {
        let machine = r#"{"cores":2,"cpu":"A & B","hypervisor":true,"kernel":"6.18.0",
            "memory_bytes":4294967296,"load_average":0.5}"#;
        let machine: Machine = serde_json::from_str(machine).expect("a machine");
        Report::new(machine, Path::new("/srv/sensor"), true)
    }

    #[test]
    fn a_picture_has_every_kind_of_panel_on_white() {
        let mut report = report();
        report.figures = vec![
            Figure::new("acts", "fork+exit", "ratio", &[1.04, 1.02, 1.06]),
            Figure::new("acts", "fork+exit, off", "ns", &[7.0]),
            Figure::new("latency", "idle: hook to verdict, p50", "µs", &[189.0]),
            Figure::new("latency", "idle: hook to verdict, p99.9", "µs", &[1409.0]),
            Figure::new("latency", "idle: inference, p50", "µs", &[72.0]),
        ];
        let point = |seconds, processor_percent| Point {
            seconds,
            processor_percent,
            resident_mib: 43.0,
        };
        report.timelines = vec![Timeline {
            group: "flood".into(),
            name: String::from("create+unlink"),
            run: 1,
            points: vec![point(0.1, 3.0), point(0.2, 4.0)],
        }];
        let picture = picture(&report).expect("drawn");
        for expected in [
            "<svg width=\"960\"",
            "opacity=\"1\" fill=\"#FFFFFF\"",
            "fork+exit\n",
            "1.04 (1.02–1.06)",
            "189 µs / - / 1.4 ms",
            "create+unlink\n",
            "<polyline",
            // The machine's name is no markup.
            "A &amp; B",
        ] {
            assert!(
                picture.contains(expected),
                "{expected:?} is not in\n{picture}"
            );
        }
        for unexpected in ["fork+exit, off", "inference", "/srv/sensor"] {
            assert!(
                !picture.contains(unexpected),
                "{unexpected:?} is in\n{picture}"
            );
        }
    }

    #[test]
    fn nothing_to_draw_is_an_error() {
        let mut report = report();
        report.figures = vec![
            Figure::new("acts", "fork+exit", "ns", &[7.0]),
            Figure::new("acts", "never", "ratio", &[]),
        ];
        let error = picture(&report).expect_err("nothing").to_string();
        assert!(error.contains("nothing to draw"), "{error}");
    }
}
