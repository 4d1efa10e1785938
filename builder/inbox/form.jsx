// A form with which a person answers; the button that sends it may say how.
import { Markdown } from "$/public/external/builder/editor/browser/component/markdown.jsx";

const SENDS = "button[type=submit]";

/** onAnswer(values): texts by field name, the value of the button among them. */
export const AnswerForm = ({ onAnswer, children, ...rest }) => {
  const send = (event) => {
    event.preventDefault();
    const { submitter } = event.nativeEvent;
    const values = Object.fromEntries(new FormData(event.currentTarget));
    if (submitter?.name) values[submitter.name] = submitter.value;
    onAnswer(values);
  };
  // The browser would press the first of several buttons: a decision that nobody took.
  const hold = (event) => {
    if (event.key === "Enter" && event.target.tagName === "INPUT" && event.currentTarget.querySelectorAll(SENDS).length > 1)
      event.preventDefault();
  };
  return (
    <form onSubmit={send} onKeyDown={hold} noValidate {...rest}>
      {children}
    </form>
  );
};

/** A text in the small Markdown of notes. */
export const Prose = ({ text }) => (
  <div className="prose">
    <Markdown text={text} />
  </div>
);
