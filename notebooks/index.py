import marimo

__generated_with = "0.25.2"
app = marimo.App(app_title="From the Ground Up", css_file="style.css")

with app.setup(hide_code=True):
    import marimo as mo

    import repository
    from chapters import found, to_come

    contents = "\n".join(
        [
            f"{c.number}. [{c.title}](?file={c.file.name}) {c.question}"
            for c in found().values()
        ]
        + [f"{c.number}. {c.title}, *to come.* {c.question}" for c in to_come()]
    )
    source = f"The source is at <{repository.url()}>." if repository.url() else ""


@app.cell(hide_code=True)
def _():
    mo.md(f"""
    # From the Ground Up

    The training code of deep learning, rebuilt: from a bare loop over `w` and `b` to a trainer for any module and any loss.

    {contents}

    Before you start: [strike a line](?file=strike_a_line.py) out of the loop of chapter one, and see what it was for.

    A chapter runs as it opens; give it a few seconds. {source}
    """)
    return


if __name__ == "__main__":
    app.run()
