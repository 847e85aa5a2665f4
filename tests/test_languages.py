"""Accept-Language, as RFC 9110 has it: what it prefers of our three languages."""

import pytest

from features.terms import Language
from serving.languages import preferred_language

EN, HANT, HANS = Language.EN, Language.ZH_HANT, Language.ZH_HANS


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-TW", HANT), ("zh-HK", HANT), ("zh-Hant", HANT), ("zh-hant-cn", HANT), ("ZH-MO", HANT),
        ("zh-CN", HANS), ("zh-SG", HANS), ("zh", HANS), ("zh-Hans", HANS), ("zh-Hans-HK", HANS),
        ("en-GB", EN), ("*", EN), ("", EN), ("de, fr;q=0.9", EN), ("enm", EN), ("zhx, zh-TW;q=0.1", HANT),
        ("zh-TW,zh;q=0.9,en-US;q=0.8,en;q=0.7", HANT),
        ("en;q=0.4 , zh-CN ; q=0.5", HANS), ("de;q=1, zh-HK;q=0.001", HANT),
        ("zh-TW, zh-CN", HANT), ("zh-CN;q=1.0, zh-TW;q=1.000", HANS),
        ("zh-TW;q=0", EN), ("zh-TW;q=0.000, zh-CN;q=0.1", HANS),
        ("zh-TW;q=2, zh_TW, zh-TW;level=1, zh-CN;q=0.3", HANS), (", ,zh-TW", HANT),
        ("x," * 500 + "zh-TW", EN),
    ],
)  # fmt: skip
def test_the_greatest_weight_counts_and_what_cannot_be_read_is_passed_over(
    header: str, language: Language
) -> None:
    assert preferred_language(header) is language
