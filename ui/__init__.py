"""What the pages share: widgets, figures, colours and the live chart. Streamlit and plotly stop here."""
