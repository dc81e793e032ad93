//! Figures with their spreads, a row each: ratios, and percentiles.

use anyhow::Result;
use plotters::{
    element::{Circle, ErrorBar, PathElement, Text},
    prelude::ChartBuilder,
    style::{
        BLACK, Color as _, TextStyle,
        text_anchor::{HPos, Pos, VPos},
    },
};

use super::{Area, FONT, GRID, MARGIN, Panel, color, legend_line, title};
use crate::bench::{
    alternation::PEER_SUFFIX,
    figure::{Figure, number},
};

/// Of a row.
const ROW: u32 = 24;
/// Above the rows: the title and the legend.
const ABOVE: u32 = 40;
/// Below them: the axis.
const BELOW: u32 = 34;
/// Left of them: what they are called.
const LEFT: u32 = 290;
/// Right of them: their figures as text.
const RIGHT: u32 = 170;

const PERCENTILES: [&str; 3] = ["p50", "p99", "p99.9"];

/// Rows over one axis.
pub(super) struct Spans {
    title: &'static str,
    rows: Vec<Row>,
    scale: Scale,
    /// What the colours mean; may be empty.
    legend: &'static [&'static str],
}

/// What is drawn on one height.
struct Row {
    label: String,
    marks: Vec<Mark>,
    /// The same in digits.
    text: String,
}

/// A median between the least and the greatest.
struct Mark {
    least: f64,
    median: f64,
    greatest: f64,
    /// Number of its colour.
    color: usize,
}

/// How values become places on the axis.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scale {
    /// Ratios: one, which is no cost at all, is always on it.
    Ratio,
    /// Times in microseconds, by their logarithm.
    Logarithmic,
}

/// The panels for which there are figures.
pub(super) fn panels(figures: &[Figure]) -> Vec<Spans> {
    let acts = "Time of ordinary acts, ratio to without: median, least and greatest";
    let work = "Time of ordinary work, ratio to without: median, least and greatest";
    [
        Spans::of_ratios(acts, "acts", figures),
        Spans::of_ratios(work, "work", figures),
        Spans::of_latency(figures),
    ]
    .into_iter()
    .filter(|panel| !panel.rows.is_empty())
    .collect()
}

impl Spans {
    fn of_ratios(title: &'static str, group: &str, figures: &[Figure]) -> Self {
        let rows = figures.iter().filter_map(|figure| {
            let shown = figure.group == group && figure.unit == "ratio";
            let color = usize::from(figure.name.ends_with(PEER_SUFFIX));
            let mark = Mark::of(figure, color).filter(|_| shown)?;
            Some(Row {
                label: figure.name.clone(),
                text: format!(
                    "{} ({}–{})",
                    number(mark.median),
                    number(mark.least),
                    number(mark.greatest)
                ),
                marks: vec![mark],
            })
        });
        Self {
            title,
            rows: rows.collect(),
            scale: Scale::Ratio,
            legend: &[],
        }
    }

    fn of_latency(figures: &[Figure]) -> Self {
        let mut rows: Vec<Row> = Vec::new();
        let mut texts: Vec<[String; PERCENTILES.len()]> = Vec::new();
        for figure in figures.iter().filter(|figure| figure.group == "latency") {
            let Some((label, percentile)) = figure.name.split_once(": hook to verdict, ") else {
                continue;
            };
            let place = PERCENTILES.iter().position(|name| *name == percentile);
            // By its logarithm: zero has none.
            let Some((color, mark)) = place
                .and_then(|color| Some((color, Mark::of(figure, color)?)))
                .filter(|(_, mark)| mark.least > 0.0)
            else {
                continue;
            };
            let row = rows.iter().position(|row| row.label == label);
            let row = row.unwrap_or_else(|| {
                rows.push(Row {
                    label: label.to_owned(),
                    marks: Vec::new(),
                    text: String::new(),
                });
                texts.push(PERCENTILES.map(|_| String::from("-")));
                rows.len() - 1
            });
            texts[row][color] = duration(mark.median);
            rows[row].marks.push(mark);
        }
        for (row, texts) in rows.iter_mut().zip(texts) {
            row.text = texts.join(" / ");
        }
        Self {
            title: "From the kernel hook to the verdict",
            rows,
            scale: Scale::Logarithmic,
            legend: &PERCENTILES,
        }
    }

    /// The axis, from and to, in places of the scale.
    fn range(&self) -> (f64, f64) {
        let marks = || self.rows.iter().flat_map(|row| &row.marks);
        let least = marks().map(|mark| mark.least);
        let greatest = marks().map(|mark| mark.greatest);
        match self.scale {
            Scale::Ratio => {
                let (least, greatest) = (least.fold(1.0, f64::min), greatest.fold(1.0, f64::max));
                let air = ((greatest - least) * 0.04).max(0.01);
                (least - air, greatest + air)
            }
            Scale::Logarithmic => {
                let least = least.fold(f64::INFINITY, f64::min).log10().floor();
                let greatest = greatest.fold(f64::MIN_POSITIVE, f64::max).log10().ceil();
                (least, greatest.max(least + 1.0))
            }
        }
    }
}

impl Mark {
    /// `None` for a figure without values.
    fn of(figure: &Figure, color: usize) -> Option<Self> {
        let values = [figure.min, figure.median, figure.max];
        values
            .iter()
            .all(|value| value.is_finite())
            .then_some(Self {
                least: figure.min,
                median: figure.median,
                greatest: figure.max,
                color,
            })
    }
}

impl Scale {
    fn place(self, value: f64) -> f64 {
        match self {
            Self::Ratio => value,
            Self::Logarithmic => value.log10(),
        }
    }

    /// A place on the axis in words.
    fn label(self, place: f64) -> String {
        match self {
            Self::Ratio => number(place),
            Self::Logarithmic => duration(10_f64.powf(place)),
        }
    }
}

/// Microseconds in the unit that one would say them in.
fn duration(microseconds: f64) -> String {
    let (value, unit) = match microseconds {
        long if long >= 999_500.0 => (long / 1e6, "s"),
        some if some >= 999.5 => (some / 1e3, "ms"),
        short => (short, "µs"),
    };
    let decimals = usize::from(value < 9.95 && (value - value.round()).abs() > 0.05);
    format!("{value:.decimals$} {unit}")
}

impl Panel for Spans {
    fn height(&self) -> u32 {
        ABOVE + BELOW + u32::try_from(self.rows.len()).unwrap_or(u32::MAX / 2 / ROW) * ROW
    }

    fn draw(&self, area: &Area<'_>) -> Result<()> {
        title(area, self.title)?;
        let (width, _) = area.dim_in_pixel();
        let right = i32::try_from(width - RIGHT)?;
        for (index, text) in self.legend.iter().enumerate() {
            let x = right - 70 * i32::try_from(self.legend.len() - index)?;
            legend_line(area, (x, 20), index, text)?;
        }

        let (from, to) = self.range();
        let rows = self.rows.len() as f64;
        let mut chart = ChartBuilder::on(area)
            .margin_top(ABOVE)
            .margin_left(LEFT)
            .margin_right(RIGHT)
            .x_label_area_size(BELOW)
            .build_cartesian_2d(from..to, 0.0..rows)?;
        let labels = match self.scale {
            Scale::Ratio => 10,
            // One for each power of ten.
            Scale::Logarithmic => std::iter::successors(Some(from), |power| Some(power + 1.0))
                .take_while(|power| *power <= to)
                .count(),
        };
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .x_max_light_lines(1)
            .bold_line_style(GRID)
            .x_labels(labels)
            .x_label_formatter(&|place| self.scale.label(*place))
            .label_style(FONT)
            .draw()?;
        if self.scale == Scale::Ratio {
            let line = vec![(1.0, 0.0), (1.0, rows)];
            chart.draw_series([PathElement::new(line, BLACK.stroke_width(1))])?;
        }

        for (index, row) in self.rows.iter().enumerate() {
            // From above.
            let height = rows - index as f64 - 0.5;
            for mark in &row.marks {
                let [least, median, greatest] =
                    [mark.least, mark.median, mark.greatest].map(|value| self.scale.place(value));
                let style = color(mark.color).filled();
                if least < greatest {
                    let bar = ErrorBar::new_horizontal(height, least, median, greatest, style, 8);
                    chart.draw_series([bar])?;
                }
                chart.draw_series([Circle::new((median, height), 4, style)])?;
            }
            // Beside the chart, at the row's height.
            let (_, base) = area.get_base_pixel();
            let (_, y) = chart.backend_coord(&(from, height));
            let style = |side| TextStyle::from(FONT).pos(Pos::new(side, VPos::Center));
            let label = (i32::try_from(LEFT - MARGIN)?, y - base);
            let text = (right + i32::try_from(MARGIN)?, y - base);
            area.draw(&Text::new(row.label.clone(), label, style(HPos::Right)))?;
            area.draw(&Text::new(row.text.clone(), text, style(HPos::Left)))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Scale, Spans, duration};
    use crate::bench::figure::Figure;

    #[test]
    fn an_axis_of_ratios_always_has_one() {
        let figures = [Figure::new("acts", "fork", "ratio", &[1.5, 2.0, 3.0])];
        let (from, to) = Spans::of_ratios("", "acts", &figures).range();
        assert!(from < 1.0 && to > 3.0, "{from} to {to}");
    }

    #[test]
    fn a_peer_has_its_own_colour() {
        let figures = ["fork", "fork, peer"].map(|name| Figure::new("acts", name, "ratio", &[1.1]));
        let panel = Spans::of_ratios("", "acts", &figures);
        let colors: Vec<_> = panel.rows.iter().map(|row| row.marks[0].color).collect();
        assert_eq!(colors, [0, 1]);
    }

    #[test]
    fn an_axis_of_latencies_ends_on_powers_of_ten() {
        let name = |percentile: &str| format!("idle: hook to verdict, {percentile}");
        let figures = [
            Figure::new("latency", name("p50"), "µs", &[70.0, 80.0]),
            Figure::new("latency", name("p99"), "µs", &[300.0]),
            // Nothing was scored.
            Figure::new("latency", name("p99.9"), "µs", &[0.0]),
        ];
        let panel = Spans::of_latency(&figures);
        assert!(panel.range() == (1.0, 3.0), "{:?}", panel.range());
        assert_eq!(panel.rows.len(), 1);
        assert_eq!(panel.rows[0].text, "75 µs / 300 µs / -");
        assert_eq!(Scale::Logarithmic.label(3.0), "1 ms");
    }

    #[test]
    fn durations_have_the_unit_that_one_says() {
        assert_eq!(duration(0.25), "0.2 µs");
        assert_eq!(duration(1.0), "1 µs");
        assert_eq!(duration(999.7), "1 ms");
        assert_eq!(duration(1_409.0), "1.4 ms");
        assert_eq!(duration(133_169.0), "133 ms");
        assert_eq!(duration(1_887_436.0), "1.9 s");
    }
}
