// Words over the canvas: what to do when it is empty, why a wire does not fit, what a screen reader hears.
import { useEffect, useState } from "react";
import { set, useDesk } from "./desk.js";
import { Workflow } from "./marks.jsx";
import { refusal } from "./wires.js";
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
  const loose = useDesk((desk) => desk.linking !== null && !desk.linking.list);
  return loose ? <p className="hint-bar">{t("Choose where the wire goes. Esc stops.")}</p> : null;
};

/** What the port under the pointer takes or gives, or why the wire that is being drawn does not fit into it. */
export const Hint = ({ root }) => {
  const t = useWords();
  const linking = useDesk((desk) => desk.linking);
  const model = useDesk((desk) => desk.model);
  const accepts = useDesk((desk) => desk.catalog.accepts);
  const [port, setPort] = useState(null);
  useEffect(() => {
    const over = (event) => {
      const found = event.target.closest?.(".port") ?? null;
      setPort((before) => (before === found ? before : found));
    };
    root.current.addEventListener("pointerover", over);
    return () => root.current?.removeEventListener("pointerover", over);
  }, [root]);
  if (!port?.isConnected) return null;
  const { nodeid: step, handleid: name, kind } = port.dataset;
  const type = port.classList.contains("source") ? "source" : "target";
  const text = saying({ t, linking, model, accepts, step, name, kind, type });
  if (!text) return null;
  const box = root.current.getBoundingClientRect();
  const at = port.getBoundingClientRect();
  const side = type === "source" ? { left: at.right - box.left + 8 } : { right: box.right - at.left + 8 };
  return (
    <p className={`hint ${text.no ? "no" : ""}`} style={{ top: at.top - box.top + at.height / 2, ...side }} role="tooltip">
      <strong>{name === "after" ? t("after") : name}</strong> {text.says}
    </p>
  );
};

const saying = ({ t, linking, model, accepts, step, name, kind, type }) => {
  const itself = linking && linking.step === step && linking.port === name;
  if (linking && !itself) {
    if (linking.type === type) return { no: true, says: t(type === "source" ? "A wire ends at an input." : "A wire begins at an output.") };
    const [from, to] = linking.type === "source" ? [linking, { step, port: name }] : [{ step, port: name }, linking];
    const why = refusal(model, accepts, from, to);
    if (why) return { no: true, says: t(...why) };
  }
  if (name === "after") return { says: t("runs after what is wired here") };
  const found = (type === "source" ? model.steps[step]?.outputs : model.steps[step]?.inputs)?.find((each) => each.name === name);
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
