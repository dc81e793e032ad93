//! What the sensor used over time, a line for each load.

use anyhow::Result;
use plotters::{element::Circle, prelude::ChartBuilder, series::LineSeries, style::Color as _};

use super::{Area, FONT, GRID, MARGIN, Panel, WIDTH, color, legend_line, title};
use crate::bench::timeline::{Point, Timeline};

/// Of a chart with its axis.
const CHART: u32 = 200;
const ABOVE: u32 = 40;
/// Of a line of the legend.
const LEGEND_LINE: u32 = 20;

/// Processor time and memory during the loads of one group.
pub(super) struct Lines<'a> {
    group: &'a str,
    loads: Vec<&'a str>,
    timelines: Vec<&'a Timeline>,
}

/// A panel for each group.
pub(super) fn panels(timelines: &[Timeline]) -> Vec<Lines<'_>> {
    let mut panels: Vec<Lines<'_>> = Vec::new();
    for timeline in timelines {
        if timeline.points.is_empty() {
            continue;
        }
        let known = panels
            .iter()
            .position(|panel| panel.group == timeline.group);
        let panel = known.unwrap_or_else(|| {
            panels.push(Lines {
                group: &timeline.group,
                loads: Vec::new(),
                timelines: Vec::new(),
            });
            panels.len() - 1
        });
        let panel = &mut panels[panel];
        if !panel.loads.contains(&timeline.name.as_str()) {
            panel.loads.push(&timeline.name);
        }
        panel.timelines.push(timeline);
    }
    panels
}

impl Lines<'_> {
    /// The greatest of something, with some air above.
    fn greatest(&self, of: impl Fn(&Point) -> f64) -> f64 {
        let points = self.timelines.iter().flat_map(|timeline| &timeline.points);
        // Nothing at all would be no axis.
        points.map(of).fold(0.1, f64::max) * 1.05
    }

    fn chart(&self, area: &Area<'_>, heading: &str, of: fn(&Point) -> f64) -> Result<()> {
        title(area, heading)?;
        let (_, height) = area.dim_in_pixel();
        let seconds = self.greatest(|point| point.seconds);
        let mut chart = ChartBuilder::on(area)
            .margin_top(ABOVE)
            .margin_bottom(height.saturating_sub(CHART))
            .margin_right(2 * MARGIN)
            .x_label_area_size(30)
            .y_label_area_size(50)
            .build_cartesian_2d(0.0..seconds, 0.0..self.greatest(of))?;
        chart
            .configure_mesh()
            .max_light_lines(1)
            .bold_line_style(GRID)
            .x_labels(6)
            .y_labels(6)
            .x_label_formatter(&|seconds| format!("{seconds:.1} s"))
            .label_style(FONT)
            .draw()?;
        for timeline in &self.timelines {
            let points = timeline.points.iter();
            let places = points.map(|point| (point.seconds, of(point)));
            let color = self.color(timeline);
            if timeline.points.len() > 1 {
                chart.draw_series(LineSeries::new(places, color.stroke_width(2)))?;
            } else {
                // A line of one point is nothing.
                chart.draw_series(places.map(|place| Circle::new(place, 3, color.filled())))?;
            }
        }
        Ok(())
    }

    /// Repetitions of a load have one colour.
    fn color(&self, timeline: &Timeline) -> plotters::style::RGBColor {
        let load = self.loads.iter().position(|load| *load == timeline.name);
        color(load.unwrap_or_default())
    }
}

impl Panel for Lines<'_> {
    fn height(&self) -> u32 {
        // Two lines of the legend beside each other.
        let lines = u32::try_from(self.loads.len().div_ceil(2)).unwrap_or_default();
        CHART + lines * LEGEND_LINE + MARGIN
    }

    fn draw(&self, area: &Area<'_>) -> Result<()> {
        let (left, right) = area.split_horizontally(WIDTH / 2);
        let heading = format!("Sensor's processor time, % of a core, group {}", self.group);
        self.chart(&left, &heading, |point| point.processor_percent)?;
        let heading = format!("Sensor's memory, MiB, group {}", self.group);
        self.chart(&right, &heading, |point| point.resident_mib)?;
        for (index, load) in self.loads.iter().enumerate() {
            let x = u32::try_from(index % 2)? * (WIDTH / 2) + 50;
            let y = CHART + u32::try_from(index / 2)? * LEGEND_LINE + MARGIN;
            legend_line(area, (i32::try_from(x)?, i32::try_from(y)?), index, load)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::panels;
    use crate::bench::timeline::{Point, Timeline};

    fn timeline(group: &'static str, name: &str, run: usize, points: usize) -> Timeline {
        let point = Point {
            seconds: 0.1,
            processor_percent: 3.0,
            resident_mib: 43.0,
        };
        Timeline {
            group: group.into(),
            name: name.to_owned(),
            run,
            points: vec![point; points],
        }
    }

    #[test]
    fn groups_have_panels_and_loads_have_colours() {
        let timelines = [
            timeline("flood", "forks", 1, 2),
            timeline("flood", "forks", 2, 1),
            timeline("flood", "files", 1, 2),
            timeline("footprint", "idle", 1, 2),
            timeline("other", "empty", 1, 0),
        ];
        let panels = panels(&timelines);
        let groups: Vec<_> = panels.iter().map(|panel| panel.group).collect();
        assert_eq!(groups, ["flood", "footprint"]);
        assert_eq!(panels[0].loads, ["forks", "files"]);
        assert_eq!(panels[0].timelines.len(), 3);
        let color = |timeline| panels[0].color(timeline);
        assert_eq!(color(&timelines[0]), color(&timelines[1]));
        assert_ne!(color(&timelines[0]), color(&timelines[2]));
    }
}
