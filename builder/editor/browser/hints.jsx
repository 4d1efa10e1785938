// Words over the canvas: what to do when it is empty, why a wire does not fit, what a screen reader hears.
import { useEffect, useState } from "react";
import { set, useDesk } from "./desk.js";
import { portOfHandle } from "./geometry.js";
import { landing } from "./landing.js";
import { Workflow } from "./marks.jsx";
import { inputOf, outputOf, refusal } from "./wires.js";
import { portUnder } from "./wiring.js";
import { kindPhrase, useWords } from "./words.js";

export const Empty = () => {
  const t = useWords();
  const empty = useDesk((desk) => desk.flow && desk.model.order.length === 0);
  if (!empty) return null;
  return (
    <div className="blank">
      <Workflow size={28} aria-hidden="true" />
      <h2>{t("Begin with a start")}</h2>
      <p>{t("Drag one from the list, or press Enter on it. Then draw wires from port to port.")}</p>
      <button type="button" className="button primary" onClick={() => set({ adding: { x: null, y: null, at: null, end: null } })}>
        {t("Add the first step")}
      </button>
    </div>
  );
};

/** What to do once a wire was begun by a click. */
export const HintBar = () => {
  const t = useWords();
  const loose = useDesk((desk) => desk.linking?.how === "");
  return loose ? <p className="hint-bar">{t("Choose where the wire goes. Esc stops.")}</p> : null;
};

/** What the port under the pointer takes or gives; while a wire is drawn, what it would do here or why it does not fit. */
export const Hint = ({ root }) => {
  const t = useWords();
  const linking = useDesk((desk) => desk.linking);
  const model = useDesk((desk) => desk.model);
  const catalog = useDesk((desk) => desk.catalog);
  const [below, setBelow] = useState(null);
  useEffect(() => {
    const over = (event) => setBelow(portUnder(event) ?? event.target.closest?.(".room, .react-flow__node-step") ?? null);
    root.current.addEventListener("pointerover", over);
    return () => root.current?.removeEventListener("pointerover", over);
  }, [root]);
  const port = below?.classList.contains("port");
  const room = below?.classList.contains("room"); // there a wire offers new steps
  const speaks = below?.isConnected && !room && (port || (linking && linking.how !== "list"));
  const text = speaks && (port ? saying({ t, linking, model, accepts: catalog.accepts, ...portOf(below) }) : landed(t, landing(model, catalog, linking, below.dataset.id)));
  const lands = Boolean(text && !port && !text.no);
  // A port near by that does not fit makes the wire look refused; the card under it takes it all the same.
  useEffect(() => {
    root.current?.classList.toggle("lands", lands);
  }, [root, lands]);
  if (!text) return null;
  return (
    <p className={`hint ${text.no ? "no" : ""} ${port ? "" : "above"}`} style={place(root.current.getBoundingClientRect(), below, port)} role="tooltip">
      {text.name && <strong>{text.name}</strong>} {text.says}
    </p>
  );
};

const portOf = ({ dataset, classList }) => ({
  step: dataset.nodeid,
  ...named(portOfHandle(dataset.handleid)),
  kind: dataset.kind,
  type: classList.contains("source") ? "source" : "target",
});

const named = ({ port, body }) => ({ name: port, body });

/** Beside a port, above a card. */
const place = (box, below, port) => {
  const at = below.getBoundingClientRect();
  if (!port) return { left: at.left - box.left + at.width / 2, top: Math.max(at.top - box.top - 8, 32) };
  const side = below.classList.contains("source") ? { left: at.right - box.left + 8 } : { right: box.right - at.left + 8 };
  return { top: at.top - box.top + at.height / 2, ...side };
};

const landed = (t, { end, says, why }) => {
  if (!end) return { no: true, says: t(...why) };
  // A setting goes by its label; a port by its name, which is the same in every language.
  return { says: t(says[0], end.field ? { name: t(end.field.label) } : says[1]) };
};

const saying = ({ name, ...rest }) => {
  const said = ofPort({ name, ...rest });
  return said && { name: name === "after" ? rest.t("after") : name, ...said };
};

const ofPort = ({ t, linking, model, accepts, step, name, body, kind, type }) => {
  const itself = linking && linking.step === step && linking.port === name && linking.body === body;
  if (linking && !itself) {
    if (linking.type === type) return { no: true, says: t(type === "source" ? "A wire ends at an input." : "A wire begins at an output.") };
    const end = { step, port: name, body };
    const [from, to] = linking.type === "source" ? [linking, end] : [end, linking];
    const why = refusal(model, accepts, from, to);
    if (why) return { no: true, says: t(...why) };
  }
  if (name === "after") return { says: t("runs after what is wired here") };
  const found = model.steps[step] && (type === "source" ? outputOf : inputOf)(model.steps[step], name, body);
  if (!found) return null;
  if (found.lost) return { no: true, says: t("the step no longer has this port") };
  return { says: [t(kindPhrase(kind)), found.help && t(found.help)].filter(Boolean).join(" · ") };
};

export const Announcer = () => {
  const t = useWords();
  const said = useDesk((desk) => desk.said);
  return (
    <p className="unseen" role="status" aria-live="polite">
      {said && t(...said)}
    </p>
  );
};
