// What is selected, and its settings; with nothing selected, the flow itself and its steps as a list.
import { Fragment, useEffect, useRef, useState } from "react";
import { duplicate, linkFrom, nameOf, remove, reveal, staysOut } from "./actions.js";
import { get, set, useDesk } from "./desk.js";
import { useDraft } from "./draft.js";
import { Field } from "./field.jsx";
import { Outline } from "./outline.jsx";
import { Copy, Into, Link, Mark, Trash, X } from "./marks.jsx";
import { coded } from "./markdown.jsx";
import { ProblemMark, ProblemText } from "./problem.jsx";
import { edit } from "./queue.js";
import { Trouble } from "./trouble.jsx";
import { portsOf } from "./wires.js";
import { useWords } from "./words.js";

const NONE = [];
const NAME = /^[a-z][a-z0-9_]{0,62}$/;

export const Properties = ({ inspector }) => {
  const t = useWords();
  const selected = useDesk((desk) => desk.selected);
  const one = useDesk((desk) => desk.model.steps[desk.selected.steps[0]]);
  const [tab, setTab] = useState("settings");
  const reveal = useDesk((desk) => desk.reveal);
  useEffect(() => {
    if (reveal?.field) setTab("settings");
  }, [reveal]);
  const running = useDesk((desk) => Object.values(desk.overlay).some((says) => says.state === "running"));
  useEffect(() => {
    if (running && one) setTab("run"); // whoever chooses a step of a run that goes on wants to see what it gets and gives
  }, [one?.id]);
  const steps = selected.steps.length;
  return (
    <aside className="properties" aria-label={t("Properties")}>
      {steps > 1 ? (
        <Several count={steps} />
      ) : steps === 1 && one ? (
        <Fragment key={one.id}>
          <Heading step={one} />
          {inspector && <Tabs tab={tab} setTab={setTab} />}
          {tab === "settings" || !inspector ? <Settings step={one} /> : <div className="pane">{inspector}</div>}
        </Fragment>
      ) : (
        <Outline />
      )}
    </aside>
  );
};

const Tabs = ({ tab, setTab }) => {
  const t = useWords();
  return (
    <div className="tabs" role="tablist">
      {[["settings", t("Settings")], ["run", t("Last run")]].map(([name, label]) => (
        <button key={name} type="button" role="tab" aria-selected={tab === name} onClick={() => setTab(name)}>
          {label}
        </button>
      ))}
    </div>
  );
};

const Several = ({ count }) => {
  const t = useWords();
  return (
    <div className="pane">
      <h2>{t("{count} steps selected", { count })}</h2>
      <div className="buttons">
        <button type="button" className="button plain" onClick={duplicate}>
          <Copy size={16} aria-hidden="true" />
          {t("Duplicate")}
        </button>
        <button type="button" className="button danger" onClick={remove}>
          <Trash size={16} aria-hidden="true" />
          {t("Remove")}
        </button>
      </div>
    </div>
  );
};

const Heading = ({ step }) => {
  const t = useWords();
  const known = useDesk((desk) => desk.catalog.kinds[step.kind]);
  const [title, setTitle, finish] = useDraft(step.title ?? "", (next) => edit({ do: "set_step", step: step.id, title: next }));
  const help = known ? t(known.help).split("\n\n") : [t("This installation does not know the node. Its settings and wires are kept.")];
  return (
    <header className="heading">
      <Mark icon={step.icon} group={step.group} />
      <div className="names">
        <input className="title" value={title} placeholder={t(step.label)} aria-label={t("Title")} maxLength={200} onChange={(event) => setTitle(event.target.value)} onBlur={finish} />
        <Identity step={step} />
      </div>
      <div className="buttons">
        <button type="button" className="tiny" aria-label={t("Duplicate")} title={t("Duplicate")} onClick={duplicate}>
          <Copy size={16} aria-hidden="true" />
        </button>
        <button type="button" className="tiny danger" aria-label={t("Remove")} title={t("Remove")} onClick={remove}>
          <Trash size={16} aria-hidden="true" />
        </button>
        <button type="button" className="tiny only-small" aria-label={t("Close")} onClick={() => set({ panel: "canvas" })}>
          <X size={16} aria-hidden="true" />
        </button>
      </div>
      <p className="help">{coded(help[0])}</p>
      <Standing step={step} />
    </header>
  );
};

/** Where a step stands, when it stands inside another one, and the way to another place. */
const Standing = ({ step }) => {
  const t = useWords();
  const around = useDesk((desk) => desk.model.steps[step.parent]);
  const others = useDesk((desk) => Object.values(desk.model.steps).some((each) => each.id !== step.id && each.bodies?.length));
  const stays = useDesk(({ catalog }) => staysOut(catalog.kinds[step.kind]));
  if (!around && (!others || stays)) return null;
  return (
    <p className="standing">
      {around && (
        <button type="button" className="link" onClick={() => reveal(around.id)}>
          {t("inside {name}", { name: nameOf(around, t) })}
        </button>
      )}
      <button type="button" className="button quiet more" onClick={() => set({ moving: [step.id], panel: "canvas" })}>
        <Into size={14} aria-hidden="true" />
        {t("Move to …")}
      </button>
    </p>
  );
};

/** The id, by which expressions name the step; changed with everything that refers to it. */
const Identity = ({ step }) => {
  const t = useWords();
  const [name, setName] = useState(step.id);
  const taken = name !== step.id && name in get().model.steps;
  const wrong = taken || !NAME.test(name);
  const rename = () => {
    if (wrong || name === step.id) return setName(step.id);
    edit({ do: "rename", step: step.id, to: name });
    set({ renaming: { from: step.id, to: name } });
  };
  return (
    <input
      className="identity"
      aria-label={t("Name in expressions")}
      title={t("Name in expressions")}
      aria-invalid={wrong || undefined}
      value={name}
      spellCheck={false}
      onChange={(event) => setName(event.target.value)}
      onBlur={rename}
      onKeyDown={(event) => event.key === "Enter" && event.target.blur()}
    />
  );
};

const Settings = ({ step }) => {
  const t = useWords();
  const known = useDesk((desk) => desk.catalog.kinds[step.kind]);
  const model = useDesk((desk) => desk.model);
  const place = useDesk((desk) => desk.reveal);
  const pane = useRef(null);
  useEffect(() => {
    if (place?.step !== step.id || !place.field) return;
    const field = place.field === "*" ? "[data-field]" : `[data-field="${place.field}"]`;
    const control = pane.current.querySelector(`${field} :is(input, textarea, select, button:not(.tiny))`);
    control?.focus();
    control?.scrollIntoView({ block: "center" });
  }, [place]);
  const { config = {}, problems = NONE } = step;
  const fields = known?.fields ?? NONE;
  const wired = Object.values(model.wires).filter((wire) => wire.target === step.id && !wire.reference);
  const named = new Set(fields.map((field) => field.name));
  const others = problems.filter((problem) => !named.has(problem.field));
  return (
    <div className="pane" ref={pane}>
      {others.length > 0 && <Said problems={others} />}
      {fields.map((field) => (
        <Field
          key={field.name}
          step={step.id}
          field={field}
          value={config[field.name]}
          wires={wired.filter((wire) => wire.port === field.name)}
          problems={problems.filter((problem) => problem.field === field.name)}
        />
      ))}
      {!known && <pre className="code">{JSON.stringify(config, null, 2)}</pre>}
      {Object.keys(config)
        .filter((name) => known && !named.has(name))
        .map((name) => (
          <div key={name} className="field stray">
            <code>{name}</code>
            <button type="button" className="button quiet" onClick={() => edit({ do: "unset", step: step.id, field: name })}>
              {t("Remove")}
            </button>
          </div>
        ))}
      <Wires step={step} arriving={wired} model={model} />
      {step.entry !== false && <Trouble step={step} />}
    </div>
  );
};

const Said = ({ problems }) => (
    <ul className="said">
      {problems.map((problem) => (
        <li key={`${problem.what}${problem.edge}${problem.field}`} className={problem.severity}>
          <ProblemMark severity={problem.severity} />
          <span>
            <ProblemText problem={problem} />
          </span>
        </li>
      ))}
    </ul>
);

/** The wires of a step as a list: what a mouse sees on the canvas, for everybody. */
const Wires = ({ step, arriving, model }) => {
  const t = useWords();
  const leaving = Object.values(model.wires).filter((wire) => wire.source === step.id && !wire.reference);
  const row = (wire, other, text) => (
    <li key={wire.id}>
      <button type="button" className="link" onClick={() => reveal(other)}>
        {text}
      </button>
      <button type="button" className="tiny" aria-label={t("Remove the wire {wire}", { wire: wire.id })} title={t("Remove the wire")} onClick={() => edit({ do: "disconnect", edges: [wire.id] })}>
        <X size={14} aria-hidden="true" />
      </button>
    </li>
  );
  const from = (wire) => `${nameOf(model.steps[wire.source], t)}.${wire.output}`;
  const into = (wire) => (wire.port && wire.port !== "after" ? `${nameOf(model.steps[wire.target], t)}.${wire.port}` : nameOf(model.steps[wire.target], t));
  return (
    <details className="section" open>
      <summary>
        {t("Wires")} <span className="count">{arriving.length + leaving.length}</span>
      </summary>
      <ul className="wires">
        {arriving.map((wire) => row(wire, wire.source, `${from(wire)} → ${wire.port ?? "after"}`))}
        {leaving.map((wire) => row(wire, wire.target, `${wire.output} → ${into(wire)}`))}
      </ul>
      {portsOf(step, "source").length > 0 && (
        <button type="button" className="button quiet more" onClick={() => linkFrom(step.id)}>
          <Link size={14} aria-hidden="true" />
          {t("Connect to …")}
        </button>
      )}
    </details>
  );
};

