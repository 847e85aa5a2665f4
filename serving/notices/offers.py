"""What each tier gets, in words (M15 to M18): what a notice says is gained and lost."""

from features.terms import Declared, Text, Tier


class Offer(Declared):
    """One thing that a tier gets.

    Attributes:
        names: what it is called.
        internal: whether departments alone are told of it, and customers are not.
    """

    names: Text
    internal: bool = False


def _offer(zh_hant: str, zh_hans: str, en: str, *, internal: bool = False) -> Offer:
    return Offer(names=Text(zh_hant=zh_hant, zh_hans=zh_hans, en=en), internal=internal)


OFFERS: dict[Tier, dict[str, Offer]] = {
    Tier.PREMIUM: {
        "account_manager": _offer(
            "專屬客戶經理，一對一服務", "专属客户经理，一对一服务",
            "A dedicated account manager, one-to-one service",
        ),
        "priority": _offer(
            "優先供貨、服務和技術支持", "优先供货、服务和技术支持",
            "Priority in supply, service and technical support",
        ),
        "joint_development": _offer("共同開發新業務", "共同开发新业务", "Joint development of new business"),
        "loyalty": _offer("忠誠客戶獎勵", "忠诚客户奖励", "Loyalty incentives"),
    },
    Tier.GOOD: {
        "communication": _offer("定期溝通", "定期沟通", "Regular communication"),
        "upgrades": _offer("服務升級", "服务升级", "Service upgrades"),
        "guidance": _offer(
            "新產品介紹與更廣泛的合作", "新产品介绍与更广泛的合作",
            "Guidance to new products and wider cooperation",
        ),
    },
    Tier.GENERAL: {
        "standard_service": _offer("標準化服務", "标准化服务", "Standardised service"),
        "visits": _offer("定期回訪", "定期回访", "Regular follow-up visits"),
        "latent_demand": _offer(
            "挖掘潛在需求，促進等級提升", "挖掘潜在需求，促进等级提升",
            "Discovery of latent demand so that the tier can rise", internal=True,
        ),
    },
    Tier.RISK: {
        "watch": _offer(
            "風險預警，密切關注", "风险预警，密切关注", "Early warning, close watch", internal=True
        ),
        "exposure_limit": _offer(
            "合作規模和方式受限（設有額度上限）", "合作规模和方式受限（设有额度上限）",
            "Limits on the size and form of cooperation (an exposure cap)",
        ),
        "collection": _offer("催收逾期款項", "催收逾期款项", "Collection of overdue amounts"),
    },
}  # fmt: skip
"""The Measures' own content, where the procedure says nothing else."""
