import streamlit as st
app = st.App("coldstart/ui/entry.py")
