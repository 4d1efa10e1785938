// The editor: palette, canvas, properties and footer around one state, and the way to the server.
import "@xyflow/react/dist/base.css";
import { Children, useEffect, useLayoutEffect } from "react";
import { Canvas } from "./canvas.jsx";
import { get, renewed, set, useDesk, watch } from "./desk.js";
import { Conflict, Help, Recovered, Refusals } from "./dialogs.jsx";
import { useDraft } from "./draft.js";
import { FlowSettings } from "./flow_settings.jsx";
import { Footer } from "./footer.jsx";
import { onWindowKeys } from "./keys.js";
import { AlertCircle, Play, Plus, Settings, Workflow } from "./marks.jsx";
import { Palette } from "./palette.jsx";
import { Properties } from "./properties.jsx";
import { connect, edit, open, receive } from "./queue.js";
import { useWords } from "./words.js";

const LOOK = 120; // ms a selection stays before the server hears of it

/**
 * opened: a flow as the server opened it {n, flow, tab, revision, view, undo, redo}. answer: what it says to the last
 * request {n, …}. overlay: what a run says, by step. Children: the inspector of the selected step, the preview, the
 * buttons of the footer. Events: onEdits(edits, base, batch), onWalk(way), onResolve(way, edits), onSelect(ids), onScope(chosen).
 */
export const Editor = ({ opened, answer, overlay, catalog, choices, icons, onEdits, onWalk, onResolve, onSelect, scope, onScope, children }) => {
  const t = useWords();
  const panel = useDesk((desk) => desk.panel);
  const [inspector, preview, actions] = Children.toArray(children);
  connect({ edits: onEdits, walk: onWalk, resolve: onResolve });
  useLayoutEffect(() => {
    if (catalog?.kinds) set({ catalog, icons });
  }, [catalog, icons]);
  useLayoutEffect(() => {
    if (choices?.models) set({ choices });
  }, [choices]);
  useLayoutEffect(() => {
    open(opened);
  }, [opened]);
  useLayoutEffect(() => {
    receive(answer);
  }, [answer]);
  useLayoutEffect(() => {
    set({ overlay: renewed(get().overlay, overlay) });
  }, [overlay]);
  useTelling(onSelect);
  useLayoutEffect(() => {
    if (scope?.chosen) set({ chosen: scope.chosen });
  }, [scope]);
  useEffect(() => watch((desk) => desk.chosen, (chosen) => onScope?.(chosen)), []);
  useEffect(() => {
    window.addEventListener("keydown", onWindowKeys);
    return () => window.removeEventListener("keydown", onWindowKeys);
  }, []);
  return (
    <div className={`editor shows-${panel}`}>
      <Title />
      <Palette />
      <div className="middle">
        <Recovered />
        <Refusals />
        <Canvas />
      </div>
      <Properties inspector={inspector} />
      {preview}
      <Footer>{actions}</Footer>
      <nav className="panels" aria-label={t("Panels")}>
        <Panel name="canvas" icon={Workflow} label={t("Flow")} />
        <Panel name="palette" icon={Plus} label={t("Add")} />
        <Panel name="properties" icon={Settings} label={t("Settings")} />
        <Panel name="preview" icon={Play} label={t("Preview")} />
      </nav>
      <Conflict />
      <FlowSettings />
      <Help />
    </div>
  );
};

/** What the page is about, for whoever hears it; the header shows it as a field. */
const Title = () => {
  const name = useDesk((desk) => desk.model.name);
  return (
    <h1 className="unseen" tabIndex={-1}>
      {name}
    </h1>
  );
};

const Panel = ({ name, icon: Icon, label }) => {
  const panel = useDesk((desk) => desk.panel);
  return (
    <button type="button" aria-pressed={panel === name} onClick={() => set({ panel: panel === name ? "canvas" : name })}>
      <Icon size={20} aria-hidden="true" />
      {label}
    </button>
  );
};

/** Tell the server what is selected, once it stays and nothing is dragged any more. */
const useTelling = (onSelect) =>
  useEffect(() => {
    let timer = 0;
    return watch(
      (desk) => (desk.dragging ? null : String(desk.selected.steps)),
      (chosen) => {
        clearTimeout(timer);
        if (chosen !== null) timer = setTimeout(() => onSelect?.(get().selected.steps), LOOK);
      },
    );
  }, []);

/** The flow's name in the page's header, changed where it stands. */
export const FlowName = () => {
  const t = useWords();
  const name = useDesk((desk) => desk.model.name);
  const [draft, change, finish] = useDraft(name, (next) => next.trim() && edit({ do: "describe", name: next.trim() }));
  const empty = !draft.trim();
  return (
    <span className="flow-name">
      <input
        value={draft}
        aria-label={t("Name of the flow")}
        aria-invalid={empty || undefined}
        maxLength={200}
        size={Math.max(8, Math.min(draft.length, 40))}
        onChange={(event) => change(event.target.value)}
        onBlur={() => (empty ? change(name) : finish())}
        onKeyDown={(event) => event.key === "Enter" && event.target.blur()}
      />
      {empty && <AlertCircle size={14} aria-hidden="true" />}
    </span>
  );
};
