"""The Streamlit parts the pages share: shell, strip, project picker, job card, labeller."""
