"""A model as a document for people (CSV, Markdown, HTML) or as SQL for a database."""

from features.terms import Language
from models.export_csv import to_csv
from models.export_formats import Format
from models.export_html import to_html
from models.export_markdown import to_markdown
from models.export_sheet import Sheet
from models.export_sql import SqlOptions, to_sql


def exported(sheet: Sheet, format_: Format, language: Language, sql: SqlOptions) -> str:
    """Return the document.

    Raises:
        NotExportable: the database that `sql` names cannot hold the model exactly.
    """
    match format_:
        case Format.CSV:
            return to_csv(sheet)
        case Format.MARKDOWN:
            return to_markdown(sheet, language)
        case Format.HTML:
            return to_html(sheet, language)
        case Format.SQL:
            return to_sql(sheet.model, sheet.catalog, sql, sheet.version)
