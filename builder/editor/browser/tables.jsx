// Settings of many parts: lists, names with values, and small tables.
import { useState } from "react";
import { ChevronDown, Plus, X } from "./marks.jsx";
import { useWords } from "./words.js";

const Remove = ({ onClick, label }) => (
  <button type="button" className="tiny" aria-label={label} title={label} onClick={onClick}>
    <X size={14} aria-hidden="true" />
  </button>
);

const More = ({ onClick, children }) => (
  <button type="button" className="button quiet more" onClick={onClick}>
    <Plus size={14} aria-hidden="true" />
    {children}
  </button>
);

const changed = (items, at, item) => items.map((each, number) => (number === at ? item : each));
const without = (items, at) => items.filter((_, number) => number !== at);

/** A number, true, a list … when the text reads as one, else the text; in quotes it is a text in any case. */
const meant = (text) => {
  if (!/^(-?\d|true$|false$|null$|["[{])/.test(text.trim()) || text.includes("{{")) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};
const spelled = (value) => {
  if (typeof value !== "string") return JSON.stringify(value);
  return meant(value) === value ? value : JSON.stringify(value);
};

/** One entry as text. exact: it stays a text whatever it looks like. */
const Cell = ({ value, exact, onChange, ...rest }) => {
  const [text, setText] = useState(null);
  const shown = text ?? (exact ? String(value ?? "") : spelled(value ?? ""));
  const typed = (event) => {
    setText(event.target.value);
    onChange(exact ? event.target.value : meant(event.target.value));
  };
  return <input className="input" autoComplete="off" value={shown} onChange={typed} onBlur={() => setText(null)} {...rest} />;
};

export const List = ({ id, field, value, onChange }) => {
  const t = useWords();
  const items = Array.isArray(value) ? value : [];
  const exact = field.item !== "expression";
  const after = (event, at) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    onChange([...items.slice(0, at + 1), "", ...items.slice(at + 1)]);
    const list = event.target.closest(".entries");
    requestAnimationFrame(() => list.querySelectorAll("input")[at + 1]?.focus());
  };
  return (
    <div className="entries" role="group" aria-labelledby={`${id}-label`}>
      {items.map((item, at) => (
        <div className="entry" key={at}>
          <Cell id={at === 0 ? id : undefined} aria-label={t("Entry {number}", { number: at + 1 })} exact={exact} value={item} onChange={(next) => onChange(changed(items, at, next))} onKeyDown={(event) => after(event, at)} />
          <Remove label={t("Remove entry {number}", { number: at + 1 })} onClick={() => onChange(without(items, at))} />
        </div>
      ))}
      <More onClick={() => onChange([...items, ""])}>{t("Add an entry")}</More>
    </div>
  );
};

export const KeyValues = ({ id, field, value, onChange }) => {
  const t = useWords();
  const [rows, setRows] = useState(null); // while typed: two names may be alike for a moment, and one empty
  const shown = rows ?? Object.entries(value && typeof value === "object" ? value : {});
  const change = (next) => {
    setRows(next);
    onChange(Object.fromEntries(next.filter(([name]) => name.trim())));
  };
  const left = (event) => !event.currentTarget.contains(event.relatedTarget) && setRows(null);
  return (
    <div className="entries" role="group" aria-labelledby={`${id}-label`} onBlur={left}>
      {shown.map(([name, item], at) => (
        <div className="entry pair" key={at}>
          <input id={at === 0 ? id : undefined} className="input code" autoComplete="off" aria-label={t("Name {number}", { number: at + 1 })} placeholder={t("name")} value={name} onChange={(event) => change(changed(shown, at, [event.target.value, item]))} />
          <Cell aria-label={t("Value of {name}", { name: name || at + 1 })} placeholder={t("value")} exact={field.item !== "expression"} value={item} onChange={(next) => change(changed(shown, at, [name, next]))} />
          <Remove label={t("Remove {name}", { name: name || at + 1 })} onClick={() => change(without(shown, at))} />
        </div>
      ))}
      <More onClick={() => setRows([...shown, ["", ""]])}>{t("Add a value")}</More>
    </div>
  );
};

const Part = ({ column, value, label, onChange }) => {
  const t = useWords();
  const now = value ?? column.default ?? "";
  if (column.widget === "select")
    return (
      <span className="chosen">
        <select className="input" aria-label={label} value={now} onChange={(event) => onChange(event.target.value)}>
          {column.options.map((option) => (
            <option key={option} value={option}>
              {t(option)}
            </option>
          ))}
        </select>
        <ChevronDown size={16} aria-hidden="true" />
      </span>
    );
  if (column.widget === "switch")
    return (
      <label className="switch">
        <input type="checkbox" role="switch" checked={now === true} onChange={(event) => onChange(event.target.checked)} />
        <span>{label}</span>
      </label>
    );
  if (column.widget === "multiline")
    return <textarea className="input grows" rows={2} aria-label={label} placeholder={label} value={now} onChange={(event) => onChange(event.target.value)} />;
  return <Cell aria-label={label} placeholder={label} exact={column.widget !== "expression"} value={now} onChange={onChange} className={column.pattern ? "input code" : "input"} />;
};

/** The columns of a record in lines: the first one with a short choice beside it, each other on its own. */
const lines = ([first, ...rest]) => {
  const beside = rest.find((column) => column.widget === "select");
  return [[first, ...(beside ? [beside] : [])], ...rest.filter((column) => column !== beside).map((column) => [column])];
};

/** What a record holds beside the columns: written by hand or by another version, and shown so that nobody loses it. */
const strays = (item, columns) =>
  Object.keys(item)
    .filter((name) => !columns.some((column) => column.name === name))
    .map((name) => ({ name, label: name, widget: "expression" }));

/** What a record says: values that equal their column's default are left out. */
const lean = (record, columns) => Object.fromEntries(Object.entries(record).filter(([name, value]) => value !== columns.find((column) => column.name === name)?.default));

const Known = ({ id, field, items, onChange }) => {
  const t = useWords();
  const { columns } = field;
  const short = columns.length <= 2 && columns.every((column) => column.widget !== "multiline") && items.every((item) => !strays(item, columns).length);
  const part = (item, at) => (column) => (
    <Part key={column.name} column={column} value={item[column.name]} label={t(column.label)} onChange={(next) => onChange(changed(items, at, lean({ ...item, [column.name]: next }, columns)))} />
  );
  return (
    <div className="entries" role="group" aria-labelledby={`${id}-label`}>
      {items.map((item, at) => (
        <div className={`entry ${short ? "pair" : "record"}`} key={at}>
          {short
            ? columns.map(part(item, at))
            : lines(columns).map((line) => (
                <div className="line-of" key={line[0].name}>
                  {line.map(part(item, at))}
                </div>
              ))}
          {strays(item, columns).map((column) => (
            <label className="part" key={column.name}>
              <code>{column.name}</code>
              {part(item, at)(column)}
            </label>
          ))}
          <Remove label={t("Remove entry {number}", { number: at + 1 })} onClick={() => onChange(without(items, at))} />
        </div>
      ))}
      <More onClick={() => onChange([...items, { [columns[0].name]: "" }])}>{t("Add an entry")}</More>
    </div>
  );
};

const WIDE = 2; // columns that find room beside each other

const Table = ({ names, items, cell, drop }) => {
  const t = useWords();
  return (
    <div className="table-scroll">
      <table>
        <thead>
          <tr>
            {names.map((name) => (
              <th key={name}>{name}</th>
            ))}
            <th aria-label={t("Remove")} />
          </tr>
        </thead>
        <tbody>
          {items.map((item, at) => (
            <tr key={at}>
              {names.map((name) => (
                <td key={name}>{cell(item, at, name)}</td>
              ))}
              <td>
                <Remove label={t("Remove entry {number}", { number: at + 1 })} onClick={() => drop(at)} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
};

/** A table whose columns are its own: the first record tells them. */
const Free = ({ id, items, onChange }) => {
  const t = useWords();
  const [fresh, setFresh] = useState("");
  const names = [...new Set(items.flatMap((item) => Object.keys(item ?? {})))];
  const addColumn = () => {
    if (!fresh.trim() || names.includes(fresh.trim())) return;
    onChange((items.length ? items : [{}]).map((item) => ({ ...item, [fresh.trim()]: "" })));
    setFresh("");
  };
  const cell = (item, at, name) => (
    <Cell aria-label={`${name} ${at + 1}`} value={item[name]} onChange={(next) => onChange(changed(items, at, { ...item, [name]: next }))} />
  );
  return (
    <div className="entries" role="group" aria-labelledby={`${id}-label`}>
      {names.length > WIDE
        ? items.map((item, at) => (
            <div className="entry record" key={at}>
              {names.map((name) => (
                <label className="part" key={name}>
                  <code>{name}</code>
                  {cell(item, at, name)}
                </label>
              ))}
              <Remove label={t("Remove entry {number}", { number: at + 1 })} onClick={() => onChange(without(items, at))} />
            </div>
          ))
        : names.length > 0 && <Table names={names} items={items} cell={cell} drop={(at) => onChange(without(items, at))} />}
      {names.length > 0 && <More onClick={() => onChange([...items, Object.fromEntries(names.map((name) => [name, ""]))])}>{t("Add an entry")}</More>}
      <div className="entry">
        <input className="input" value={fresh} placeholder={t("New column")} aria-label={t("New column")} onChange={(event) => setFresh(event.target.value)} onKeyDown={(event) => event.key === "Enter" && addColumn()} />
        <button type="button" className="button plain" onClick={addColumn} disabled={!fresh.trim()}>
          {t("Add")}
        </button>
      </div>
    </div>
  );
};

export const Records = ({ id, field, value, onChange }) => {
  const items = Array.isArray(value) ? value : [];
  return field.columns?.length ? <Known id={id} field={field} items={items} onChange={onChange} /> : <Free id={id} items={items} onChange={onChange} />;
};
