"""Columns that the tables of who is who have in common, with the headers under which they are delivered."""

from features.sources.record_table import Column, ColumnType

CUSTOMER_ID = Column(type=ColumnType.KEY, aliases=("統一客戶編號", "统一客户编号"))
VALID_FROM = Column(type=ColumnType.DATE, aliases=("生效日", "起始日"))
VALID_TO = Column(type=ColumnType.DATE, aliases=("失效日", "截止日"))
KNOWN_AT = Column(type=ColumnType.DATE, aliases=("知悉日",))
