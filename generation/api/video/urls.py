"""Routes below /api/."""

from django.urls import path

from generation.api.video import create, tasks
from generation.api.video.callback import SoraCallbackView
from generation.api.video.upload import UploadView

urlpatterns = [
    path("videos/text-to-video", create.TextToVideoView.as_view()),
    path("videos/image-to-video", create.ImageToVideoView.as_view()),
    path("videos/animate-move", create.AnimateMoveView.as_view()),
    path("videos/animate-mix", create.AnimateMixView.as_view()),
    path("videos/upload", UploadView.as_view()),
    path("videos/sora/callback", SoraCallbackView.as_view()),
    path("videos/tasks/<str:task_id>", tasks.TaskStatusView.as_view()),
    path("tasks/user/tasks", tasks.TaskListView.as_view()),
    path("tasks/<str:task_id>", tasks.TaskView.as_view()),
    path("tasks/<str:task_id>/retry", tasks.TaskRetryView.as_view()),
]
