"""The style of the page of oversight: quiet, for screen, phone and print."""

STYLE = """
:root { --ink: #1c2733; --soft: #5b6875; --line: #dfe5ea; }
* { box-sizing: border-box; }
html { font-size: 15px; -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; padding: 1.2rem 1.2rem 1.5rem; max-width: 80rem; color: var(--ink); background: #fff;
  font: 1rem/1.45 system-ui, "Noto Sans", "Noto Sans CJK TC", "PingFang TC", sans-serif;
  -webkit-print-color-adjust: exact; print-color-adjust: exact; }
:lang(zh-Hans) body { font-family: system-ui, "Noto Sans", "Noto Sans CJK SC", "PingFang SC", sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .2rem; font-weight: 650; }
h2 { font-size: 1.1rem; margin: 1.1rem 0 .2rem; font-weight: 650; break-after: avoid; }
.about { color: var(--soft); font-size: .9rem; margin: 0; }
ul.remarks { padding-left: 1.2rem; margin-top: .3rem; }
ul.verdicts { display: flex; flex-wrap: wrap; gap: .3rem 1.6rem; margin: .9rem 0 0; padding: .5rem 0;
  border: solid var(--line); border-width: 1px 0; list-style: none; font-size: .9rem; }
ul.verdicts b { font-size: 1.15rem; font-weight: 600; }
table { border-collapse: collapse; width: 100%; table-layout: fixed; font-size: .88rem;
  font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; text-align: left; vertical-align: top; font-weight: 400; }
th:first-child, td:first-child { padding-left: 0; } th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--soft); font-size: .8rem; padding-bottom: .2rem; }
thead.again th { padding: 0; font-size: 0; line-height: 0; }
tbody { break-inside: avoid; }
tr.figure > * { border-top: 1px solid var(--line); }
tr.figure th { font-weight: 550; }
small { display: block; color: var(--soft); font-weight: 400; font-size: .78rem; line-height: 1.3; }
.number { text-align: right; white-space: nowrap; width: 10.5rem; } .number.cases { width: 4.6rem; }
.target { width: 16.4rem; } td.target { white-space: nowrap; }
.verdict { display: inline-block; padding: 0 .5rem; border-radius: 1rem; font-size: .78rem;
  white-space: nowrap; border: 1px solid var(--line); }
.verdict.met { background: #e3f1e8; border-color: #a9d2b7; }
.verdict.missed { background: #fbe5dc; border-color: #e3a589; }
.verdict.not_enough { background: #f4f1e4; border-color: #d9cfa3; }
tr.parts td { padding-top: 0; }
ul.parts { display: flex; flex-wrap: wrap; gap: .1rem 1.4rem; margin: 0; padding: 0; list-style: none;
  font-size: .83rem; color: var(--soft); }
ul.parts b { color: var(--ink); font-weight: 550; }
.unknown { color: var(--soft); font-size: .83rem; padding: .25rem 0; border-top: 1px solid var(--line); }
.unknown summary { cursor: pointer; }
.unknown dl { display: grid; grid-template-columns: minmax(9rem, 14rem) 1fr; gap: .3rem 1.2rem;
  margin: .5rem 0; }
.unknown dt { color: var(--ink); } .unknown dd { margin: 0; }
.scrolls { overflow-x: auto; }
table.matrix { width: auto; table-layout: auto; } table.matrix th, table.matrix td { padding: 0 .9rem 0 0; }
table.matrix tbody th { white-space: nowrap; }
table.matrix thead th { white-space: nowrap; border: 0; text-align: right; }
table.matrix td { text-align: right; min-width: 5rem; white-space: nowrap; }
table.matrix td.same { color: var(--ink); font-weight: 550; }
table.matrix small { display: inline; }
table.matrix caption { text-align: left; color: var(--soft); font-size: .78rem; }
@media screen and (max-width: 62rem) {
  .number { width: 9.2rem; } .target { width: 11.5rem; } td.target { white-space: normal; }
}
@media screen and (max-width: 46rem) {
  body { padding: 1.1rem 1rem 2rem; }
  table.figures, .figures > tbody { display: block; }
  .figures > thead { display: none; }
  .figures tr.figure { display: grid; grid-template-columns: 8.7rem 3rem 1fr; gap: .2rem .8rem; padding:
  .5rem 0;
    border-top: 1px solid var(--line); }
  .figures tr.figure > * { border: 0; padding: 0; width: auto; text-align: left; }
  .figures tr.figure th { grid-column: 1 / -1; }
  .figures tr.figure td::before { content: attr(data-label); display: block; color: var(--soft);
    font-size: .74rem; }
  .figures tr.figure td { white-space: normal; }
  .figures tr.figure td:empty { display: none; }
  ul.parts { gap: .1rem .8rem; }
  .figures tr.parts, .figures tr.parts > td { display: block; padding: 0 0 .5rem; }
  .unknown dl { grid-template-columns: 1fr; gap: .1rem; } .unknown dd { margin-bottom: .5rem; }
}
@media print {
  html { font-size: 9.5px; }
  body { max-width: none; padding: 0; }
  h2 { margin-top: 1.1rem; }
}
"""
