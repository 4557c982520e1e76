"""Routes of this room's part of contract `stargraph`, relative to /api/v1/."""

from django.urls import path

from generation.api.stargraph import admin, create, resources, tasks

urlpatterns = [
    path("generate/text2img", create.Text2ImgView.as_view()),
    path("generate/img2img", create.Img2ImgView.as_view()),
    path("generate/upscale", create.UpscaleView.as_view()),
    path("generate/pose", create.PoseView.as_view()),
    path("generate/text2video", create.Text2VideoView.as_view()),
    path("generate/img2video", create.Img2VideoView.as_view()),
    path("tasks", tasks.TaskListView.as_view()),
    path("tasks/<str:task_id>", tasks.TaskView.as_view()),
    path("tasks/<str:task_id>/retry", tasks.RetryView.as_view()),
    path("resources/models", resources.ModelsView.as_view()),
    path("resources/samplers", resources.SamplersView.as_view()),
    path("resources/schedulers", resources.SchedulersView.as_view()),
    path("resources/upload", resources.UploadView.as_view()),
    path("admin/queue", admin.QueueView.as_view()),
    path("admin/engines", admin.EnginesView.as_view()),
]
