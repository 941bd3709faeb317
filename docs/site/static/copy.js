// Copies the Markdown that lies beside a page; where that cannot be read (a page opened as a file,
// for one), it is shown instead.
document.addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll("button[data-markdown]")) {
    const words = button.textContent;
    button.addEventListener("click", async () => {
      try {
        const answer = await fetch(button.dataset.markdown);
        if (!answer.ok) throw new Error(answer.statusText);
        await navigator.clipboard.writeText(await answer.text());
        button.textContent = "Copied";
        setTimeout(() => { button.textContent = words; }, 2000);
      } catch {
        location.href = button.dataset.markdown;
      }
    });
  }
});
