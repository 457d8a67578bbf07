import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium")


@app.cell
def _():
    import altair as alt
    import marimo as mo
    import pandas as pd

    return alt, mo, pd


@app.cell(hide_code=True)
def _(mo):
    mo.md(r"""
    # A walk through the penguins

    Three species of penguins were measured on three islands. Choose what to look at, and the chart
    and the table follow.

    ## Choose
    """)
    return


@app.cell
def _(pd):
    # a few birds, typed in by hand
    penguins = pd.DataFrame(
        {
            "species": ["Adelie"] * 6 + ["Chinstrap"] * 5 + ["Gentoo"] * 6,
            "island": ["Torgersen", "Torgersen", "Biscoe", "Biscoe", "Dream", "Dream"]
            + ["Dream"] * 5
            + ["Biscoe"] * 6,
            "bill": [39.1, 39.5, 37.8, 38.2, 39.5, 37.2]
            + [46.5, 50.0, 51.3, 45.4, 52.7]
            + [46.1, 50.0, 48.7, 50.0, 47.6, 46.5],
            "flipper": [181, 186, 174, 185, 178, 178]
            + [192, 196, 193, 188, 197]
            + [211, 230, 210, 218, 215, 210],
            "mass": [3750, 3800, 3400, 3950, 3250, 3900]
            + [3500, 3900, 3650, 3525, 3725]
            + [4500, 5700, 4450, 5700, 5400, 4550],
        }
    )
    return (penguins,)


@app.cell
def _(mo):
    measure = mo.ui.dropdown(
        options={"Bill length (mm)": "bill", "Flipper length (mm)": "flipper"},
        value="Flipper length (mm)",
        label="Across",
    )
    island = mo.ui.dropdown(options=["Torgersen", "Biscoe", "Dream"], label="Island")
    species = mo.ui.multiselect(
        options=["Adelie", "Chinstrap", "Gentoo"],
        value=["Adelie", "Gentoo"],
        label="Species",
    )
    trend = mo.ui.switch(label="Show a trend line")
    mo.vstack([mo.hstack([measure, island]), species, trend])
    return island, measure, species, trend


@app.cell
def _(island, penguins, species):
    chosen = penguins[penguins["species"].isin(species.value)]
    if island.value is not None:
        chosen = chosen[chosen["island"] == island.value]
    return (chosen,)


@app.cell
def _(alt, chosen, measure, mo, trend):
    _points = (
        alt.Chart(chosen)
        .mark_point(filled=True, size=80)
        .encode(
            x=alt.X(measure.value, scale=alt.Scale(zero=False), title=measure.selected_key),
            y=alt.Y("mass", scale=alt.Scale(zero=False), title="Body mass (g)"),
            color="species",
            tooltip=["species", "island", "mass"],
        )
    )
    _line = _points.transform_regression(measure.value, "mass", groupby=["species"]).mark_line()
    chart = mo.ui.altair_chart(_points + _line if trend.value else _points)
    chart
    return (chart,)


@app.cell
def _(chosen):
    chosen
    return


@app.cell
def _(chosen, mo):
    mo.stop(chosen.empty, mo.callout("Nobody lives there. Choose another island.", kind="warn"))
    mo.hstack(
        [
            mo.stat(len(chosen), label="birds"),
            mo.stat(f"{chosen['mass'].mean():,.0f} g", label="mean mass", caption="of those chosen"),
        ]
    )
    return


@app.cell
def _(mo, penguins):
    mo.ui.tabs(
        {
            "By species": penguins.groupby("species")[["bill", "mass"]].mean().round(1),
            "By island": mo.md("Most birds of this sample live on **Biscoe**."),
        }
    )
    return


@app.cell
def _(penguins):
    penguins["species"].value_counts().to_dict()
    return


if __name__ == "__main__":
    app.run()
