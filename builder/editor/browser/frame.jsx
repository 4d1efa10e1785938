// A step with steps inside, drawn around them: a room for each body, and which of its rounds or items is shown.
import { useContext } from "react";
import { fold, turn } from "./actions.js";
import { DeskContext, useDesk } from "./desk.js";
import { ChevronDown, ChevronLeft, ChevronRight } from "./marks.jsx";
import { insideOf, stepsIn } from "./nesting.js";
import { Ports } from "./port.jsx";
import { callsOf } from "./scopes.js";
import { useWords } from "./words.js";

/** The rooms of a frame that is open. box: where they lie. */
export const Rooms = ({ step, box, lit }) =>
  box.rooms.map((room) => <Room key={room.name} step={step} room={room} body={step.bodies.find(({ name }) => name === room.name)} lit={lit} />);

const Room = ({ step, room, body, lit }) => {
  const t = useWords();
  const { name, x, y, width, height } = room;
  const { gives = [], takes = [] } = body;
  const empty = useDesk((desk) => !stepsIn(desk.model, { step: step.id, body: name }).length);
  const over = useDesk((desk) => desk.over?.step === step.id && desk.over.body === name);
  return (
    <section className={`room ${over ? "over" : ""}`} data-step={step.id} data-body={name} style={{ left: x - 1, top: y - 1, width, height }}>
      <p className="caption">
        <span>{roomName(name, t)}</span>
        <Calls step={step.id} body={name} />
      </p>
      {gives.length > 0 && <Ports step={step.id} ports={gives} type="source" lit={lit} body={name} />}
      {takes.length > 0 && <Ports step={step.id} ports={takes} type="target" lit={lit} body={name} />}
      {empty && <p className="blank-room">{t("Drop steps here")}</p>}
    </section>
  );
};

/** What a body is called; its name is the author's, but for the only one of most. */
export const roomName = (name, t) => (name === "body" ? t("Steps inside") : name);

/** Which round or item the steps in there show, and the way to the others. */
const Calls = ({ step, body }) => {
  const t = useWords();
  const desk = useContext(DeskContext);
  const shown = useDesk((desk) => spelled(callsOf(desk.model, desk.overlay, desk.chosen, step, body)));
  if (!shown) return null;
  const { at, count } = JSON.parse(shown);
  const way = (by, label, Icon, last) => (
    <button type="button" className="turn nodrag" tabIndex={-1} disabled={last} aria-label={label} title={label} onClick={(event) => event.stopPropagation() ?? turn(step, body, by, desk)}>
      <Icon size={14} aria-hidden="true" />
    </button>
  );
  return (
    <span className="calls">
      {way(-1, t("The one before"), ChevronLeft, at === 0)}
      <span>{t("{number} of {count}", { number: at + 1, count })}</span>
      {way(1, t("The next one"), ChevronRight, at === count - 1)}
    </span>
  );
};

/** As a text, so that an answer that is the same does not draw anew. */
const spelled = (calls) => (calls && (calls.keys.length > 1 || calls.key) ? JSON.stringify({ at: calls.keys.indexOf(calls.key), count: calls.keys.length }) : "");

/** How far a frame is: "3 of 10", of its first body that is run for several rounds or items. */
export const Progress = ({ step }) => {
  const t = useWords();
  const says = useDesk((desk) => {
    for (const { name } of step.bodies) {
      const calls = callsOf(desk.model, desk.overlay, desk.chosen, step.id, name);
      if (calls?.key) return `${calls.ended}/${calls.total}`;
    }
    return "";
  });
  if (!says) return null;
  const [ended, total] = says.split("/");
  return <span className="progress">{t("{number} of {count}", { number: ended, count: total })}</span>;
};

/** Open or close a frame, and how much is in it. */
export const Fold = ({ id }) => {
  const t = useWords();
  const desk = useContext(DeskContext);
  const closed = useDesk((desk) => Boolean(desk.collapsed[id]));
  const count = useDesk((desk) => insideOf(desk.model, id).length);
  const label = t(closed ? "Show the inside" : "Hide the inside");
  return (
    <button type="button" className="fold nodrag" tabIndex={-1} aria-expanded={!closed} aria-label={label} title={label} onClick={(event) => event.stopPropagation() ?? fold(id, desk)}>
      {closed && count}
      {closed ? <ChevronRight size={16} aria-hidden="true" /> : <ChevronDown size={16} aria-hidden="true" />}
    </button>
  );
};
