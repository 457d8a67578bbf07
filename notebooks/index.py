import marimo

__generated_with = "0.25.2"
app = marimo.App(app_title="From the Ground Up", css_file="style.css")

with app.setup(hide_code=True):
    import marimo as mo

    from chapters import found

    contents = "\n".join(
        f"{c.number}. [{c.title}](?file={c.file.name}) {c.question}"
        for c in found().values()
    )


@app.cell(hide_code=True)
def _():
    mo.md(f"""
    # From the Ground Up

    The training code of deep learning, rebuilt: from a bare loop over `w` and `b` to a trainer for any module and any loss.

    {contents}

    Before you start: [strike a line](?file=strike_a_line.py) out of the loop of chapter one, and see what it was for.

    A chapter runs as it opens; give it a few seconds.
    """)
    return


if __name__ == "__main__":
    app.run()
