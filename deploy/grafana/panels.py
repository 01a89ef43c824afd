"""Panels as both dashboards draw them."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.models.common import BigValueColorMode, BigValueGraphMode, LegendDisplayMode
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    Threshold,
    ThresholdsMode,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
GREY, GREEN, YELLOW, ORANGE, RED = "text", "green", "yellow", "orange", "red"
WIDE, HALF, THIRD = 24, 12, 8
COLOURS = {"critical": RED, "warning": ORANGE, "info": "blue"}

Query = tuple[str, str]
"""An expression, and the legend of its series."""


def board(uid: str, title: str, about: str) -> dashboard.Dashboard:
    """An empty dashboard with what both have."""
    return (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(about)
        .tags(["tocsin"])
        .refresh("15s")
        .time("now-3h", "now")
        .with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .with_variable(
            dashboard.TextBoxVariable("page")
            .label("Address of the page")
            .default_value("http://localhost:8080")
        )
        .link(
            dashboard.DashboardLink("Tocsin")
            .type(DashboardLinkType.DASHBOARDS)
            .tags(["tocsin"])
            .keep_time(True)
        )
        .link(
            dashboard.DashboardLink("The page").type(DashboardLinkType.LINK).url("${page}").target_blank(True)
        )
    )


def mark(name: str, colour: str, expr: str) -> dashboard.AnnotationQuery:
    """Moments drawn across all panels."""
    return dashboard.AnnotationQuery().name(name).datasource(SOURCE).icon_color(colour).expr(expr)


def queries(asked: Sequence[Query]) -> list[prometheus.Dataquery]:
    """Targets A, B, C and so on."""
    return [
        prometheus.Dataquery().expr(expr).legend_format(legend).ref_id(chr(ord("A") + number)).range()
        for number, (expr, legend) in enumerate(asked)
    ]


def graph(title: str, about: str, unit: str, *asked: Query, width: int = HALF) -> timeseries.Panel:
    """Lines over time."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(about)
        .datasource(SOURCE)
        .unit(unit)
        .span(width)
        .height(8)
        .axis_soft_min(0)
        .fill_opacity(8)
        .legend(common.VizLegendOptions().display_mode(LegendDisplayMode.LIST).show_legend(True))
        .targets(queries(asked))
    )
    for name, colour in COLOURS.items():
        panel.override_by_name(name, [DynamicConfigValue("color", {"mode": "fixed", "fixedColor": colour})])
    return panel


def number(
    title: str, about: str, unit: str, expr: str, *steps: tuple[float, str], width: int = 4
) -> stat.Panel:
    """One number, coloured from each of `steps` on."""
    thresholds = [Threshold(None, GREEN), *(Threshold(value, colour) for value, colour in steps)]
    return (
        stat.Panel()
        .title(title)
        .description(about)
        .datasource(SOURCE)
        .unit(unit)
        .span(width)
        .height(4)
        .graph_mode(BigValueGraphMode.NONE)
        .color_mode(BigValueColorMode.VALUE)
        .thresholds(dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(thresholds))
        .with_target(prometheus.Dataquery().expr(expr).legend_format(title).ref_id("A").instant())
    )


def gravest() -> table.Panel:
    """The bursts that ring, with links to their pages."""
    columns = {
        "Value #A": ("posts", "short"),
        "Value #B": ("accounts", "short"),
        "Value #C": ("posts a minute", "short"),
        "Value #D": ("for", "dtdurations"),
    }
    now = 'tocsin_watermark_timestamp_seconds{topic="activity"}'
    exprs = [
        "max by (burst, severity) (tocsin_top_burst_posts)",
        "max by (burst, severity) (tocsin_top_burst_accounts)",
        "60 * max by (burst, severity) (tocsin_top_burst_rate)",
        # By the feed's own clock: a replayed archive has its own now.
        f"scalar(max({now})) - max by (burst, severity) (tocsin_top_burst_start_timestamp_seconds)",
    ]
    panel = (
        table.Panel()
        .title("The gravest that ring")
        .description("At most ten. A click on an id opens its page: texts, accounts, evidence.")
        .datasource(SOURCE)
        .span(WIDE)
        .height(9)
        .with_transformation(DataTransformerConfig("merge", options={}))
        .with_transformation(
            DataTransformerConfig(
                "organize",
                options={
                    "excludeByName": {"Time": True},
                    "renameByName": {old: new for old, (new, _) in columns.items()},
                },
            )
        )
        .sort_by([common.TableSortByFieldState().display_name("posts a minute").desc(True)])
        .override_by_name(
            "burst",
            [
                DynamicConfigValue(
                    "links",
                    [{"title": "Its page", "url": "${page}/bursts/${__value.raw}", "targetBlank": True}],
                )
            ],
        )
    )
    for name, unit in columns.values():
        panel.override_by_name(name, [DynamicConfigValue("unit", unit)])
    for place, expr in enumerate(exprs):
        panel.with_target(
            prometheus.Dataquery()
            .expr(expr)
            .format(PromQueryFormat.TABLE)
            .ref_id(chr(ord("A") + place))
            .instant()
        )
    return panel
