"""The words of exported documents in three languages, and ranges of values as people read them."""

from features.catalog import Catalog, Kind, Unit
from features.terms import Language, Text
from models.export_ranges import Ranges
from models.points import ZERO

# Ranges no wider than this, relatively, are left out of what people read.
_HAIR = 1e-9


TITLE = Text.of("{model} 計分表", "{model} 计分表", "Points tables of {model}")
MODEL = Text.of("模型", "模型", "the model")
HOW_TO_READ = Text.of("如何閱讀", "如何阅读", "How to read it")
CONTENTS = Text.of("目錄", "目录", "Contents")
FACTS = Text.of("基準、校準與分數尺", "基准、校准与分数尺", "Base, calibration and scale")
TOGETHER = Text.of("指標的聯合作用", "指标的联合作用", "Indicators together")
TRAINING = Text.of("訓練", "训练", "Training")
HASHES = Text.of("雜湊值（SHA-256）", "哈希值（SHA-256）", "Hashes (SHA-256)")
RANGE = Text.of("範圍", "范围", "range")
PRIOR = Text.of("先驗", "先验", "prior")
CORRECTION = Text.of("修正", "修正", "correction")
TOTAL = Text.of("合計", "合计", "sum")
POINTS = Text.of("分數*", "分数*", "points*")
BAR = Text.of("風險：較低 ◄ 0 ► 較高", "风险：较低 ◄ 0 ► 较高", "risk: less ◄ 0 ► more")
MISSING = Text.of("缺失", "缺失", "missing")
UNSEEN = Text.of("目錄外的類別", "目录外的类别", "a level outside the catalog")
YES = Text.of("是", "是", "yes")
NO = Text.of("否", "否", "no")
YES_OR_NO = Text.of("是或否", "是或否", "yes or no")
ANY = Text.of("任何值", "任何值", "any value")
UP_TO = Text.of("至 {high}", "至 {high}", "up to {high}")
ABOVE = Text.of("{low} 以上", "{low} 以上", "above {low}")
BETWEEN = Text.of("{low} 至 {high}", "{low} 至 {high}", "{low} to {high}")
UNIT = Text.of("單位：{unit}", "单位：{unit}", "unit: {unit}")
RISES = Text.of("數值越高，風險越高", "数值越高，风险越高", "risk rises with it")
FALLS = Text.of("數值越高，風險越低", "数值越高，风险越低", "risk falls with it")
UNKNOWN = Text.of("風險方向未限定", "风险方向未限定", "direction of risk not fixed")
ALSO_IN = Text.of(
    "另見聯合作用：{grids}。", "另见联合作用：{grids}。", "Also counts together with others: {grids}."
)
SILENT = Text.of(
    "在本模型中不起作用：{names}。",
    "在本模型中不起作用：{names}。",
    "Without influence in this model: {names}.",
)
BASE_LINE = Text.of(
    "基準：對數勝算 {log_odds}，機率 {probability}，{points} 分。",
    "基准：对数几率 {log_odds}，概率 {probability}，{points} 分。",
    "The base is {log_odds} in log-odds, {probability} in probability, {points} points.",
)
CALIBRATION_LINE = Text.of(
    "校準：對數勝算 = {intercept} + {slope} × 邊際值；下列各表已計入。",
    "校准：对数几率 = {intercept} + {slope} × 边际值；下列各表已计入。",
    "Calibration: log-odds = {intercept} + {slope} × margin; the tables below include it.",
)
TIER = Text.of("層級", "层级", "tier")
CUT_OFF = Text.of("最低分數", "最低分数", "points at least")
PROBABILITY = Text.of("機率", "概率", "probability")
LOG_ODDS = Text.of("對數勝算", "对数几率", "log-odds")
FACT = Text.of("項目", "项目", "fact")
VALUE = Text.of("值", "值", "value")
ARTEFACT, CATALOG, POLICY = (
    Text.of("模型文件內容", "模型文件内容", "content of the artefact"),
    Text.of("指標目錄", "指标目录", "catalog"),
    Text.of("評估辦法", "评估办法", "policy"),
)
WHERE = Text.of("當{name}為{range}", "当{name}为{range}", "where {name} is {range}")
SHAPE = Text.of(
    "{name}的曲線：各範圍的先驗、修正與合計；越高或越右風險越大。",
    "{name}的曲线：各范围的先验、修正与合计；越高或越右风险越大。",
    "Shape of {name}: prior, correction and their sum by range; up or right is more risk.",
)
EQUAL_WIDTHS = Text.of("各範圍以等寬繪製。", "各范围以等宽绘制。", "Every range is drawn equally wide.")
GRID_NOTE = Text.of(
    "大字：聯合貢獻合計（對數勝算）；小字：各指標所得（{names}）。",
    "大字：联合贡献合计（对数几率）；小字：各指标所得（{names}）。",
    "Large: both contributions summed, in log-odds; small: what each indicator gets ({names}).",
)
INTRODUCTION = (
    Text.of(
        "客戶發生「{outcome}」的對數勝算 = 基準 + 各指標的貢獻：找到數值所在範圍，逐項相加。"
        "正數表示風險較高。",
        "客户发生“{outcome}”的对数几率 = 基准 + 各指标的贡献：找到数值所在范围，逐项相加。正数表示风险较高。",
        "A customer's log-odds of “{outcome}” are the base plus one contribution for each indicator: "
        "find the range of the value, and add up. Positive numbers mean more risk.",
    ),
    Text.of(
        "機率 = 1 / (1 + exp(−對數勝算))；下列分數尺將對數勝算換成分數（0 至 100，越高越好）："
        "錨點之間為直線，錨點之外逐漸趨近 100 與 0。",
        "概率 = 1 / (1 + exp(−对数几率))；下列分数尺将对数几率换成分数（0 至 100，越高越好）："
        "锚点之间为直线，锚点之外逐渐趋近 100 与 0。",
        "The probability is 1 / (1 + exp(−log-odds)); the scale below turns log-odds into points "
        "(0 to 100, higher is better): straight between its anchors, beyond them ever closer to 100 and 0.",
    ),
    Text.of(
        "* 以分數表示的貢獻是對數勝算貢獻乘以同一個係數，對一位客戶的所有指標相同："
        "（分數 − 基準分數）/（對數勝算 − 基準）。基準附近為 {factor}，"
        "表中即用此數；遠離基準的客戶比例相同而大小不同。",
        "* 以分数表示的贡献是对数几率贡献乘以同一个系数，对一位客户的所有指标相同："
        "（分数 − 基准分数）/（对数几率 − 基准）。基准附近为 {factor}，"
        "表中即用此数；远离基准的客户比例相同而大小不同。",
        "* Contributions in points are those in log-odds times one factor, the same for all of a customer's "
        "indicators: (points − points of the base) / (log-odds − base). Near the base it is {factor}, which "
        "the tables use; further off the points keep their proportions but not their size.",
    ),
    Text.of(
        "先驗是透明的部分，修正是在其上學得的部分；兩者都是固定的表，此外別無其他。"
        "範圍含上限而不含下限；此處界限經四捨五入，極窄的範圍從略（CSV 與 SQL 匯出為精確值）。"
        "不適用於客戶的指標視為缺失。",
        "先验是透明的部分，修正是在其上学得的部分；两者都是固定的表，此外别无其他。"
        "范围含上限而不含下限；此处界限经四舍五入，极窄的范围从略（CSV 与 SQL 导出为精确值）。"
        "不适用于客户的指标视为缺失。",
        "The prior is the transparent part, the correction what was learned on top; both are fixed tables, "
        "and nothing else enters. A range holds its upper bound, not its lower one; bounds are rounded here, "
        "and ranges of a hair's breadth left out (the CSV and SQL exports are exact). "
        "An indicator that does not apply to a customer counts as missing.",
    ),
)


def range_label(ranges: Ranges, first: int, last: int, catalog: Catalog, language: Language) -> str:
    """Return what values a run of ranges holds, in words; empty for a hair's breadth or where no flag is."""
    if first == ranges.missing:
        return MISSING.in_language(language)
    if ranges.levels is not None:
        return _level(ranges, first, language)
    low = ranges.bounds[first - 1] if first else None
    high = ranges.bounds[last] if last < len(ranges.bounds) else None
    indicator = ranges.placed.indicator
    if indicator.kind is Kind.FLAG:
        held = [flag for flag in (0.0, 1.0) if (low is None or flag > low) and (high is None or flag <= high)]
        words = {(): None, (0.0,): NO, (1.0,): YES, (0.0, 1.0): YES_OR_NO}[tuple(held)]
        return words.in_language(language) if words else ""
    if low is not None and high is not None and _hair(low, high):
        return ""
    unit = catalog.units.get(indicator.unit or "")
    shown = dict(zip(ranges.bounds, shown_bounds(ranges.bounds, unit), strict=True))
    suffix = unit_suffix(unit, language)
    if low is None and high is None:
        return ANY.in_language(language)
    if low is None or high is None:
        template, bound = (UP_TO, high) if low is None else (ABOVE, low)
        assert bound is not None
        return template.in_language(language).format(low=shown[bound] + suffix, high=shown[bound] + suffix)
    return BETWEEN.in_language(language).format(low=shown[low], high=shown[high] + suffix)


def shown_bounds(bounds: tuple[float, ...], unit: Unit | None) -> list[str]:
    """Return bounds in the unit's scale, each with the fewest digits that tell it from its neighbours.

    Bounds that a hair parts are written alike, for the range between them is not shown.
    """
    scale = unit.scale if unit else 1.0
    apart = [
        place for place in range(len(bounds)) if not place or not _hair(bounds[place - 1], bounds[place])
    ]
    numbers = [0.0 if abs(bounds[place]) <= 2 * ZERO else bounds[place] * scale for place in apart]
    texts = {}
    for place, (number, at) in enumerate(zip(numbers, apart, strict=True)):
        beside = numbers[max(0, place - 1) : place] + numbers[place + 1 : place + 2]
        shown = (
            digits
            for digits in range(3, 18)
            if all(_number(number, digits) != _number(n, digits) for n in beside)
        )
        texts[at] = _number(number, next(shown, 17))
    written: list[str] = []
    for place in range(len(bounds)):
        written.append(texts[place] if place in texts else written[-1])
    return written


def _hair(low: float, high: float) -> bool:
    """Whether two bounds differ by no more than rounding, as where two tables part at the same place."""
    return high - low <= _HAIR * max(abs(low), abs(high)) or max(abs(low), abs(high)) <= 2 * ZERO


def unit_suffix(unit: Unit | None, language: Language) -> str:
    """Return what stands behind a number of the unit."""
    return unit.suffix.in_language(language) if unit and unit.suffix else ""


def signed(value: float, digits: int = 4) -> str:
    """Return a contribution with its sign, so that columns line up; a plain 0 where it is exactly 0."""
    if value == 0:
        return "0"
    shown = f"{value:+.{digits}f}"
    return shown.replace("-", "−") if shown.strip("+-0.") else shown[1:]


def _level(ranges: Ranges, code: int, language: Language) -> str:
    levels = list((ranges.placed.indicator.levels or {}).values())
    return (levels[code].names if code < len(levels) else UNSEEN).in_language(language)


def _number(value: float, digits: int) -> str:
    """Return a number with at least so many digits behind the first, whole ones in full."""
    size = abs(value)
    if size >= 1e12 or 0 < size < 1e-6:
        return f"{value:.{digits}g}"
    whole = len(str(int(size)))
    decimals = max(0, digits - whole) if size >= 1 else digits
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
