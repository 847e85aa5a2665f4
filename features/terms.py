"""The words of the Measures that code and data share: natures, tiers, languages, trilingual texts."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Nature(StrEnum):
    """The four natures of a customer (客戶性質, M1)."""

    ENTERPRISE = "enterprise"
    GOVERNMENT = "government"
    PUBLIC_INSTITUTION = "public_institution"
    INDIVIDUAL = "individual"


class Tier(StrEnum):
    """The four tiers (M14), and `unrated` for a customer of whom too little is known."""

    PREMIUM = "premium"
    GOOD = "good"
    GENERAL = "general"
    RISK = "risk"
    UNRATED = "unrated"


# The rated tiers from best to worst; a tier's rank is its place here.
RATED_TIERS = (Tier.PREMIUM, Tier.GOOD, Tier.GENERAL, Tier.RISK)


class Language(StrEnum):
    """The languages of names and reasons."""

    ZH_HANT = "zh-Hant"
    ZH_HANS = "zh-Hans"
    EN = "en"


class Declared(BaseModel):
    """Base of everything that a person declares in a file: strict, frozen, no unknown keys."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        populate_by_name=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,
    )


class Text(Declared):
    """One text in the three languages."""

    zh_hant: str = Field(alias="zh-Hant", min_length=1)
    zh_hans: str = Field(alias="zh-Hans", min_length=1)
    en: str = Field(min_length=1)

    @classmethod
    def of(cls, zh_hant: str, zh_hans: str, en: str) -> "Text":
        """Return a text of its three versions, for texts that are written in code."""
        return cls(zh_hant=zh_hant, zh_hans=zh_hans, en=en)

    def in_language(self, language: Language) -> str:
        """Return the text in one language."""
        match language:
            case Language.ZH_HANT:
                return self.zh_hant
            case Language.ZH_HANS:
                return self.zh_hans
            case Language.EN:
                return self.en
