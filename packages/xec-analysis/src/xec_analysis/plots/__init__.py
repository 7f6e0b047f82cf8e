"""The plots of a run or file, by its contents: `xec plot` and the end of a training draw the same."""
