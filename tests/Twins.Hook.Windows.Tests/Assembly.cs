// The programs use ports of their own, and the hook's pipe is told them by a variable of this process.
[assembly: DoNotParallelize]
