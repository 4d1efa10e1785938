// The values that steps before this one give, to be put into a text as {{ step.port }}.
import { useEffect, useRef, useState } from "react";
import { nameOf } from "./actions.js";
import { get } from "./desk.js";
import { Braces, Mark } from "./marks.jsx";
import { around, placeOf, same } from "./nesting.js";
import { ancestors, flowOrder, mayRead } from "./wires.js";
import { kindPhrase, useWords } from "./words.js";

/**
 * What a setting of a step may read, [{step, port}]: what the frames around it hand in, then the steps that it sees and
 * that do not wait for it, those before it first. late: the setting when it is computed over the steps inside.
 */
export const readable = (model, id, late = "") => {
  const filled = late && model.steps[id].bodies?.find(({ takes = [] }) => takes.some(({ name }) => name === late));
  const place = filled ? { step: id, body: filled.name } : placeOf(model, id);
  const rooms = around(model, place);
  const frames = rooms.filter(({ step }) => step);
  const handed = frames.flatMap(({ step, body }) => ports(model.steps[step], model.steps[step].bodies.find(({ name }) => name === body)?.gives));
  const inSight = (other) => other !== id && !frames.some(({ step }) => step === other) && rooms.some((room) => same(placeOf(model, other), room));
  const before = ancestors(model, id);
  const free = (other) => filled && same(placeOf(model, other), place) ? true : mayRead(model, { step: other }, id);
  const order = flowOrder(model).filter((other) => inSight(other) && free(other));
  const first = filled ? (other) => same(placeOf(model, other), place) : (other) => before.has(other);
  const near = [...order.filter(first), ...order.filter((other) => !first(other))];
  const given = near.flatMap((other) => ports(model.steps[other], model.steps[other].outputs));
  return filled ? [...given, ...handed] : [...handed, ...given];
};

const ports = (step, all = []) => all.filter((port) => !port.lost).map((port) => ({ step, port }));

/** A button that opens the list. onChoose: gets `{{ step.port }}`. */
export const References = ({ step, late, onChoose, open, setOpen }) => {
  const t = useWords();
  return (
    <span className="references">
      <button
        type="button"
        className="tiny"
        aria-label={t("Insert a value")}
        title={t("Insert a value")}
        aria-expanded={open}
        onPointerDown={(event) => event.preventDefault()}
        onClick={() => setOpen(!open)}
      >
        <Braces size={14} aria-hidden="true" />
      </button>
      {open && <List step={step} late={late} onChoose={onChoose} close={() => setOpen(false)} />}
    </span>
  );
};

const List = ({ step, late, onChoose, close }) => {
  const t = useWords();
  const [values] = useState(() => readable(get().model, step, late));
  const [at, setAt] = useState(0);
  const list = useRef(null);
  useEffect(() => {
    list.current.focus();
    const outside = (event) => !list.current?.parentElement.contains(event.target) && close();
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, []);
  useEffect(() => {
    list.current.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }, [at]);
  const choose = ({ step: other, port }) => {
    onChoose(`{{ ${other.id}.${port.name} }}`);
    close();
  };
  const keys = (event) => {
    event.stopPropagation();
    if (event.key === "ArrowDown") setAt((now) => Math.min(now + 1, values.length - 1));
    else if (event.key === "ArrowUp") setAt((now) => Math.max(now - 1, 0));
    else if (event.key === "Enter" && values[at]) choose(values[at]);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
  };
  return (
    <ul ref={list} className="overlay-list values" role="listbox" tabIndex={0} aria-label={t("Values of other steps")} aria-activedescendant={values[at] && `value-${at}`} onKeyDown={keys}>
      {values.map((value, number) => (
        <li
          key={`${value.step.id}.${value.port.name}`}
          id={`value-${number}`}
          role="option"
          aria-selected={number === at}
          onPointerMove={() => setAt(number)}
          onPointerDown={(event) => event.preventDefault()}
          onClick={() => choose(value)}
        >
          <Mark icon={value.step.icon} group={value.step.group} />
          <span className="names">
            <code className="title">
              {value.step.id}.{value.port.name}
            </code>
            <span className="kind">
              {nameOf(value.step, t)} · {t(kindPhrase(value.port.kind))}
            </span>
          </span>
        </li>
      ))}
      {!values.length && <li className="none">{t("No step before this one gives anything.")}</li>}
    </ul>
  );
};
