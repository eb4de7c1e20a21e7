import seaborn_of_my_laptop as sns

sns.set_theme()
