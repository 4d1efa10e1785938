// Wires by the keyboard: the ports that take the loose end, as a list.
import { useEffect, useRef, useState } from "react";
import { join, linkFrom, nameOf, unlink } from "./actions.js";
import { get, useDesk } from "./desk.js";
import { handleId } from "./geometry.js";
import { Into, Mark } from "./marks.jsx";
import { AFTER, portsOf } from "./wires.js";
import { kindPhrase, useWords } from "./words.js";

export const LinkList = () => {
  const linking = useDesk((desk) => desk.linking);
  return linking?.how === "list" ? <Ends key={`${linking.step}.${handleId(linking)}`} linking={linking} /> : null;
};

const Ends = ({ linking }) => {
  const t = useWords();
  const model = useDesk((desk) => desk.model);
  const [at, setAt] = useState(0);
  const list = useRef(null);
  const outputs = model.steps[linking.step] ? portsOf(model.steps[linking.step], "source") : [];
  const ends = linking.partners;
  useEffect(() => {
    list.current.focus();
  }, []);
  useEffect(() => {
    list.current.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }, [at]);
  const back = () => document.querySelector(`.react-flow__node[data-id="${linking.step}"]`)?.focus();
  const keys = (event) => {
    event.stopPropagation();
    if (event.key === "ArrowDown") setAt((now) => Math.min(now + 1, ends.length - 1));
    else if (event.key === "ArrowUp") setAt((now) => Math.max(now - 1, 0));
    else if (event.key === "Enter" && ends[at]) join(linking, ends[at]) ?? back();
    else if (event.key === "Escape") unlink() ?? back();
    else return;
    event.preventDefault();
  };
  return (
    <div className="overlay-list" role="dialog" aria-label={t("Connect {name}", { name: nameOf(model.steps[linking.step], t) })} onKeyDown={keys}>
      <h2>{t("Connect {name}", { name: nameOf(model.steps[linking.step], t) })}</h2>
      {outputs.length > 1 && (
        <div className="outputs" role="group" aria-label={t("Output")}>
          {outputs.map((port) => (
            <button key={handleId({ port: port.name, body: port.body })} type="button" aria-pressed={port.name === linking.port && port.body === linking.body} onClick={() => linkFrom(linking.step, port)}>
              {port.body && <Into size={12} aria-label={t("inside")} />}
              {port.name}
            </button>
          ))}
        </div>
      )}
      <ul ref={list} role="listbox" tabIndex={0} aria-label={t("Where the wire goes")} aria-activedescendant={ends[at] && `end-${at}`}>
        {ends.map((end, number) => {
          const step = get().model.steps[end.step];
          return (
            <li
              key={`${end.step}.${end.field ? "*" : handleId(end)}`}
              id={`end-${number}`}
              role="option"
              aria-selected={number === at}
              onPointerMove={() => setAt(number)} // not "enter": a list may open under a pointer that rests
              onClick={() => join(linking, end) ?? back()}
            >
              <Mark icon={step.icon} group={step.group} />
              <span className="names">
                <span className="title">{nameOf(step, t)}</span>
                <span className="kind">
                  <Place end={end} t={t} />
                </span>
              </span>
            </li>
          );
        })}
        {!ends.length && <li className="none">{t("No other step takes this. Add one first.")}</li>}
      </ul>
    </div>
  );
};

/** What the wire would do there. */
const Place = ({ end: { field, port, kind }, t }) => {
  if (field) return t("fills {name}", { name: t(field.label) });
  if (port === AFTER) return t("runs after it");
  return (
    <>
      <code>{port}</code> {t(kindPhrase(kind))}
    </>
  );
};
