from .learn.lessons import LESSONS as LESSONS
from .pages.explore import Explorer as Explorer
from .pages.forward import ForwardView as ForwardView
from .pages.run import RunView as RunView
from .pages.run import SurveyView as SurveyView
from .site import page as page
