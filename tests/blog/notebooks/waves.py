import marimo

__generated_with = "0.25.2"
app = marimo.App()


@app.cell
def _():
    import math

    import altair as alt
    import marimo as mo
    import pandas as pd

    return alt, math, mo, pd


@app.cell
def _(mo):
    mo.md("""
    Two waves that meet add up. Where they agree they grow; where they don't, they vanish.
    """)
    return


@app.cell
def _(mo):
    frequency = mo.ui.slider(start=1, stop=5, step=1, value=2, label="frequency", show_value=True)
    strength = mo.ui.slider(steps=[0.25, 0.5, 1, 2], value=1)
    mo.md(f"""
    The second wave has a {frequency} and, beside the first, a strength of {strength}.
    """)
    return frequency, strength


@app.cell
def _(mo):
    shape = mo.ui.radio(options=["sine", "square"], value="sine", label="shape", inline=True)
    shape
    return (shape,)


@app.cell
def _(mo):
    only_sum = mo.ui.checkbox(label="only the sum")
    terms = mo.ui.number(start=1, stop=4, value=3, label="**rows** to print")
    window = mo.ui.range_slider(start=0, stop=3, step=1, value=[0, 2], label="window")
    return only_sum, terms, window


@app.cell
def _(frequency, math, pd, shape, strength):
    def _wave(x):
        sine = math.sin(x)
        return sine if shape.value == "sine" else math.copysign(1.0, sine)

    _x = [i / 16 for i in range(65)]
    waves = pd.DataFrame({"x": _x})
    waves["first"] = [_wave(math.pi * x) for x in _x]
    waves["second"] = [strength.value * _wave(math.pi * frequency.value * x) for x in _x]
    waves["sum"] = waves["first"] + waves["second"]
    waves = waves.round(3)
    return (waves,)


@app.cell
def _(alt, mo, only_sum, waves, window):
    _low, _high = window.value
    _shown = ["sum"] if only_sum.value else ["first", "second", "sum"]
    _hover = alt.selection_point(fields=["wave"], bind="legend")
    _chart = (
        alt.Chart(waves[waves["x"].between(_low, _high)].melt("x", _shown, var_name="wave"))
        .mark_line()
        .encode(
            x="x",
            y="value",
            color="wave",
            opacity=alt.condition(_hover, alt.value(1), alt.value(0.2)),
        )
        .properties(title="Two waves and their sum", width=500, height=250)
        .add_params(_hover)
    )
    mo.vstack([window, only_sum, _chart])
    return


@app.cell
def _(mo, terms, waves):
    mo.hstack([terms, waves.head(terms.value)])
    return


@app.cell
def _(waves):
    float(round(waves["sum"].abs().max(), 3))
    return


@app.cell
def _(frequency):
    f"The second wave comes {frequency.value} times while the first comes once."
    return


if __name__ == "__main__":
    app.run()
