// The closed set of controls a setting can have; each gets {id, field, value, onChange, invalid, control}.
import { useEffect, useState } from "react";
import { useDesk } from "./desk.js";
import { equal } from "./draft.js";
import { ChevronDown } from "./marks.jsx";
import { KeyValues, List, Records } from "./tables.jsx";
import { useWords } from "./words.js";

const FINE = 200;

const described = (id, invalid) => ({
  id,
  "aria-invalid": invalid || undefined,
  "aria-describedby": `${id}-help ${id}-error`,
});

const asText = (value) => (typeof value === "string" ? value : value === undefined || value === null ? "" : JSON.stringify(value));

const Text = ({ id, control, field, value, onChange, invalid }) => (
  <input ref={control} {...described(id, invalid)} className="input" value={asText(value)} maxLength={field.longest ?? undefined} autoComplete="off" onChange={(event) => onChange(event.target.value)} />
);

const Multiline = ({ id, control, value, onChange, invalid, className = "" }) => (
  <textarea ref={control} {...described(id, invalid)} className={`input grows ${className}`} rows={3} value={asText(value)} onChange={(event) => onChange(event.target.value)} />
);

/** A text with an expression in it stays a text; anything else that reads as JSON is that value. */
const Expression = ({ onChange, value, ...rest }) => (
  <Multiline {...rest} value={value} className="code short" onChange={(text) => onChange(typeof value === "string" || value === undefined ? text : loosely(text))} />
);

const loosely = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

const NumberField = ({ id, control, field, value, onChange, invalid }) => {
  const [text, setText] = useState(asText(value));
  useEffect(() => setText((now) => (Number(now) === value && now !== "" ? now : asText(value))), [value]);
  const change = (next) => {
    setText(next);
    const number = Number(next.replace(",", "."));
    if (next.trim() === "") onChange("");
    else onChange(Number.isFinite(number) ? number : next); // what is no number is told by the server, beside the field
  };
  const range = (field.maximum ?? NaN) - (field.minimum ?? NaN) <= FINE; // wider ones cannot be set with a slider
  return (
    <div className="number">
      <input ref={control} {...described(id, invalid)} className="input" inputMode={field.whole ? "numeric" : "decimal"} value={text} onChange={(event) => change(event.target.value)} autoComplete="off" />
      {range && <input type="range" aria-labelledby={`${id}-label`} min={field.minimum} max={field.maximum} step={field.whole ? 1 : (field.maximum - field.minimum) / 100} value={Number(value) || field.minimum} onChange={(event) => change(event.target.value)} />}
    </div>
  );
};

const Switch = ({ id, field, value, onChange, invalid }) => {
  const t = useWords();
  return (
    <label className="switch">
      <input type="checkbox" role="switch" {...described(id, invalid)} checked={value === true} onChange={(event) => onChange(event.target.checked)} />
      <span>{t(value === true ? "On" : "Off")}</span>
    </label>
  );
};

/** options: [{value, label}]. */
const Choice = ({ id, control, value, options, onChange, invalid, empty }) => {
  const known = options.some((option) => option.value === value);
  return (
    <span className="chosen">
      <select ref={control} {...described(id, invalid)} className="input" value={known ? String(value) : asText(value)} onChange={(event) => onChange(options.find((option) => String(option.value) === event.target.value)?.value ?? "")}>
        {empty && <option value="">{empty}</option>}
        {!known && asText(value) && <option value={asText(value)}>{asText(value)}</option>}
        {options.map((option) => (
          <option key={String(option.value)} value={String(option.value)}>
            {option.label}
          </option>
        ))}
      </select>
      <ChevronDown size={16} aria-hidden="true" />
    </span>
  );
};

const Select = ({ field, ...rest }) => {
  const t = useWords();
  return <Choice {...rest} options={(field.options ?? []).map((value) => ({ value, label: t(asText(value)) }))} />;
};

const Model = (props) => {
  const t = useWords();
  const models = useDesk((desk) => desk.choices.models);
  const options = models.map(({ name, label }) => ({ value: name, label: t(label ?? name) }));
  // A node that can do without a model says so by an empty default.
  const without = props.field.default === "" ? t("None: the built-in embeddings") : undefined;
  return options.length ? <Choice {...props} options={options} empty={without} /> : <Text {...props} />;
};

/** Another flow, by its id; those that are deployed come first, since only they can be run. */
const FlowChoice = (props) => {
  const t = useWords();
  const flows = useDesk((desk) => desk.choices.flows ?? NONE);
  const own = useDesk((desk) => desk.flow);
  const title = useDesk((desk) => desk.model.name);
  const said = ({ name, label, deployed }) => {
    const called = (name === own ? title : label) || t("Untitled");
    if (name === own) return t("{name} (this flow)", { name: called });
    return deployed ? called : t("{name} (not deployed)", { name: called });
  };
  const sorted = flows.toSorted((one, other) => other.deployed - one.deployed);
  return <Choice {...props} options={sorted.map((flow) => ({ value: flow.name, label: said(flow) }))} empty={t("Choose a flow")} />;
};

const NONE = [];

const Secret = (props) => {
  const t = useWords();
  const secrets = useDesk((desk) => desk.choices.secrets);
  return (
    <>
      <Choice {...props} options={secrets.map((name) => ({ value: name, label: name }))} empty={t("None")} />
      <a className="aside" href="/settings">
        {t("Secrets are kept in Settings")}
      </a>
    </>
  );
};

/** An object or a list; where the node takes anything (`field.free`), what is no JSON is taken as the text it is. */
const Json = ({ id, control, field, value, onChange, invalid }) => {
  const t = useWords();
  const [text, setText] = useState(() => pretty(value, field));
  const read = parsed(text);
  const broken = text.trim() !== "" && read === undefined;
  useEffect(() => setText((now) => (equal(parsed(now), value) ? now : pretty(value, field))), [value]);
  const change = (next) => {
    setText(next);
    const made = parsed(next);
    if (!next.trim()) onChange(undefined); // as the node has it by itself
    else if (made !== undefined || field.free) onChange(made === undefined ? next : made);
  };
  return (
    <>
      <textarea ref={control} {...described(id, invalid || (broken && !field.free))} className="input grows code" rows={4} spellCheck={false} value={text} onChange={(event) => change(event.target.value)} />
      {broken && <p className={field.free ? "help" : "error"}>{field.free ? t("Not JSON: goes as a text.") : t("This is not JSON yet.")}</p>}
    </>
  );
};

const pretty = (value, field) => {
  if (value === undefined || value === null || value === "" || equal(value, field.default)) return "";
  // A text that would be read as something else stands in quotes.
  if (typeof value === "string") return parsed(value) === undefined ? value : JSON.stringify(value);
  return JSON.stringify(value, null, 2);
};

const parsed = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

export const WIDGETS = {
  text: Text,
  multiline: Multiline,
  number: NumberField,
  switch: Switch,
  select: Select,
  secret: Secret,
  expression: Expression,
  model: Model,
  flow: FlowChoice,
  json: Json,
  list: List,
  key_values: KeyValues,
  fields: Records,
  records: Records,
};
