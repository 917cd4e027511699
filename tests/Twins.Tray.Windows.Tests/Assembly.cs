// One screen, one taskbar, one pipe.
[assembly: DoNotParallelize]
