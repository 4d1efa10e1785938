"""proto"""
import reflex as rx
from builder.language import t, choice, choose
from builder.theme import THEMES

class Probe(rx.State):
    count: int = 0
    @rx.event
    def add(self): self.count += 1

def index():
    return rx.box(rx.heading(t("Flows")), rx.el.button("dark", on_click=choose("theme","dark")), rx.el.button("fr", on_click=choose("language","fr")), rx.text(choice("theme")), rx.button("n", on_click=Probe.add), rx.text(Probe.count, id="n"), rx.icon("workflow"), rx.dialog.root(rx.dialog.trigger(rx.button("open")), rx.dialog.content(rx.dialog.title("Hi"))))

from builder.guard import Guard
guard = Guard()
app = rx.App(head_components=[rx.el.script(src="/choices.js")], html_lang="en")
app.add_middleware(guard, index=0)
app.add_page(index, route="/", title="Canevas")
