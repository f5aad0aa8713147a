// Draws the figures that stand in the file, and saves one as a picture.

const figures = JSON.parse(document.getElementById("figures").textContent);
const GRID = "rgba(128, 128, 128, 0.25)";
const config = { displaylogo: false, responsive: true, scrollZoom: false };

for (const [name, figure] of Object.entries(figures)) {
  const { height, ...layout } = figure.layout;
  for (const axis of ["xaxis", "yaxis"]) {
    // Plotly's own lines are white, which is nothing on a light page and glaring on a dark one.
    layout[axis] = { gridcolor: GRID, zerolinecolor: GRID, ...layout[axis] };
  }
  void Plotly.newPlot(`plot-${name}`, figure.data, { ...layout, height, autosize: true }, config);
}

for (const button of document.querySelectorAll("button[data-plot]")) {
  button.addEventListener("click", () => {
    const { plot, format } = button.dataset;
    void Plotly.downloadImage(`plot-${plot}`, { format, filename: plot, scale: 2 });
  });
}
