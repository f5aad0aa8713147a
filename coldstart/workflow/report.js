// Draws the figures that stand in the file, and saves one as a picture.

const figures = JSON.parse(document.getElementById("figures").textContent);
const config = { displaylogo: false, responsive: true, scrollZoom: false };

for (const [name, figure] of Object.entries(figures)) {
  const { height, ...layout } = figure.layout;
  void Plotly.newPlot(`plot-${name}`, figure.data, { ...layout, height, autosize: true }, config);
}

for (const button of document.querySelectorAll("button[data-plot]")) {
  button.addEventListener("click", () => {
    const { plot, format } = button.dataset;
    void Plotly.downloadImage(`plot-${plot}`, { format, filename: plot, scale: 2 });
  });
}
