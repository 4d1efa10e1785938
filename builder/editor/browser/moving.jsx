// Into a frame and out of it by the keyboard: the places where steps may stand, as a list.
import { useEffect, useRef, useState } from "react";
import { mayStand, nameOf, nest, placesFor } from "./actions.js";
import { get, set, useDesk } from "./desk.js";
import { roomName } from "./frame.jsx";
import { Mark } from "./marks.jsx";
import { useWords } from "./words.js";

export const MoveList = () => {
  const moving = useDesk((desk) => desk.moving);
  return moving ? <Places key={String(moving)} ids={moving} /> : null;
};

const Places = ({ ids }) => {
  const t = useWords();
  const [places] = useState(() => placesFor(ids).filter((place) => !mayStand(ids, place)));
  const [at, setAt] = useState(0);
  const list = useRef(null);
  useEffect(() => {
    list.current.focus();
    const outside = (event) => !list.current?.parentElement.contains(event.target) && set({ moving: null });
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, []);
  useEffect(() => {
    list.current.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }, [at]);
  const done = () => {
    set({ moving: null });
    requestAnimationFrame(() => document.querySelector(`.react-flow__node[data-id="${ids[0]}"]`)?.focus());
  };
  const choose = (place) => {
    nest(ids, place);
    done();
  };
  const keys = (event) => {
    event.stopPropagation();
    if (event.key === "ArrowDown") setAt((now) => Math.min(now + 1, places.length - 1));
    else if (event.key === "ArrowUp") setAt((now) => Math.max(now - 1, 0));
    else if (event.key === "Enter" && places[at]) choose(places[at]);
    else if (event.key === "Escape") done();
    else return;
    event.preventDefault();
  };
  const { steps } = get().model;
  const title = ids.length > 1 ? t("Move {count} steps to", { count: ids.length }) : t("Move {name} to", { name: nameOf(steps[ids[0]], t) });
  return (
    <div className="overlay-list" role="dialog" aria-label={title} onKeyDown={keys}>
      <h2>{title}</h2>
      <ul ref={list} role="listbox" tabIndex={0} aria-label={t("Places")} aria-activedescendant={places[at] && `place-${at}`}>
        {places.map((place, number) => (
          <li key={`${place.step}.${place.body}`} id={`place-${number}`} role="option" aria-selected={number === at} onPointerMove={() => setAt(number)} onClick={() => choose(place)}>
            {place.step ? <Mark icon={steps[place.step].icon} group={steps[place.step].group} /> : <Mark icon="workflow" group="unknown" />}
            <span className="names">
              <span className="title">{placeName(place, steps, t)}</span>
              {place.step && <span className="kind">{roomName(place.body, t)}</span>}
            </span>
          </li>
        ))}
        {!places.length && <li className="none">{t("There is no frame for it yet. Add one from Logic.")}</li>}
      </ul>
    </div>
  );
};

export const placeName = (place, steps, t) => (place.step ? nameOf(steps[place.step], t) : t("The canvas"));
