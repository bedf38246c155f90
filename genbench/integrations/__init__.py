"""genbench inside other tools: notebooks, pandas, progress bars, llm, experiment trackers.

The package of the other tool is imported when its module here is used; each is an extra, or comes with that tool.

notebook    how results show themselves in a notebook: `_repr_html_` and the plots of a comparison
frames      the tables of a comparison as pandas DataFrames
progress    progress bars of tqdm, for notebooks and scripts
llm_models  stored models as models of the command llm
hub         models on the Hugging Face Hub
lm_eval     models and test texts for lm-evaluation-harness
trackers    trainings as runs of an experiment tracker: trackio, wandb
"""
