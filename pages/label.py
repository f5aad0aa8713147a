"""Being written."""
import streamlit as st
from coldstart.ui.head import open_project_or_stop
project = open_project_or_stop("label", "…")
