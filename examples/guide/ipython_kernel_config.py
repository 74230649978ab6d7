"""The kernel that executes pages: figures as SVG, and paths relative to the top folder."""

c = get_config()  # noqa: F821
c.InlineBackend.figure_formats = {"svg"}
c.InlineBackend.print_figure_kwargs = {"bbox_inches": "tight"}
c.InteractiveShellApp.exec_lines = ["import os; os.chdir(os.environ['GUIDE'] + '/../..'); del os"]
c.HistoryManager.enabled = False
c.InteractiveShell.xmode = "Minimal"  # errors without the frames of the library
c.Application.log_level = "ERROR"
