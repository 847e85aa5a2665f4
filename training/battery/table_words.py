"""The words of the tables of battery, monitoring and card in three languages: heads, verdicts, ranges.

What stands in braces is filled in by `said`.
"""

from collections.abc import Iterable, Mapping

from features.terms import Language, Text
from training.battery.words import text

VERDICTS: Mapping[str, Text] = {
    "passed": text("passed", "通過", "通过"),
    "failed": text("failed", "未通過", "未通过"),
    "not_enough_data": text("not enough data", "資料不足", "数据不足"),
}

CHECK = text("check", "檢核項目", "检核项目")
VALUE = text("value", "值", "值")
INTERVAL = text("{level} interval", "{level} 區間", "{level} 区间")
TOLERATED = text("tolerated", "容許範圍", "容许范围")
CUSTOMERS = text("n", "客戶數", "客户数")
VERDICT = text("verdict", "結果", "结果")

RANGE = text("{low} to {high}", "{low} 至 {high}", "{low} 至 {high}")
FROM = text("from {low}", "不低於 {low}", "不低于 {low}")
TO = text("to {high}", "不高於 {high}", "不高于 {high}")
OF_FAMILY = text("{name} ({passed}/{count})", "{name}（{passed}/{count}）", "{name}（{passed}/{count}）")
WITH_REASON = text("{verdict}: {reason}", "{verdict}：{reason}", "{verdict}：{reason}")

TITLE = text(
    "{model} on {customers} customers, {bad} bad, {when}",
    "{model}：{customers} 位客戶，其中不良 {bad} 位，{when}",
    "{model}：{customers} 位客户，其中不良 {bad} 位，{when}",
)
THE_CANDIDATE = text("the candidate", "候選模型", "候选模型")

READ = text(
    "{file}: {read} rows read, {customers} customers with a known outcome, {rejected} kept apart.",
    "{file}：讀取 {read} 列，結果已知的客戶 {customers} 位，另置 {rejected} 列。",
    "{file}：读取 {read} 行，结果已知的客户 {customers} 位，另置 {rejected} 行。",
)
ENDED = text("Verdict: {verdict}.", "結論：{verdict}。", "结论：{verdict}。")
WRITTEN = text("Written to {file}.", "已寫入 {file}。", "已写入 {file}。")
RECORDED = text("Recorded with {version}.", "已隨 {version} 記錄。", "已随 {version} 记录。")
UNREGISTERED = text(
    "Nothing is recorded: the model judged is of no registered version.",
    "未記錄：所評判的模型不屬於任何已登錄的版本。",
    "未记录：所评判的模型不属于任何已登记的版本。",
)
PROMOTED = text(
    "Not recorded: {version} is the {alias}, and what its approvers were told stays (--record takes its "
    "place).",
    "未記錄：{version} 為 {alias}，核准人所知的內容保留不變（以 --record 取代）。",
    "未记录：{version} 为 {alias}，批准人所知的内容保留不变（以 --record 取代）。",
)
_COUNTED = text("{count} {verdict}", "{verdict} {count} 項", "{verdict} {count} 项")
_LISTED, _END = text(", ", "，", "，"), text(".", "。", "。")


def said(language: Language, template: Text, **named: object) -> str:
    """Return a text in a language, with what its braces name filled in."""
    return template.in_language(language).format(**named)


def heads(language: Language, level: float) -> tuple[str, ...]:
    """Return the heads of a table of checks, whose intervals are of a level such as 0.95."""
    return (
        CHECK.in_language(language),
        VALUE.in_language(language),
        said(language, INTERVAL, level=f"{level:.0%}"),
        TOLERATED.in_language(language),
        CUSTOMERS.in_language(language),
        VERDICT.in_language(language),
    )


def tally(language: Language, counts: Iterable[tuple[str, int]], verdicts: Mapping[str, Text]) -> str:
    """Return in a sentence how many checks ended in each way, which `verdicts` has the words for."""
    parts = (
        said(language, _COUNTED, count=count, verdict=verdicts[verdict].in_language(language))
        for verdict, count in counts
    )
    return _LISTED.in_language(language).join(parts) + _END.in_language(language)
