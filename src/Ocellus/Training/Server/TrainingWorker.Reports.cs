using Ocellus.Projects;
using Ocellus.Training.Job;

namespace Ocellus.Training.Server;

internal sealed partial class TrainingWorker
{
    /// <summary>Writes progress to the database, no more often than needed, and renews the lease in between.</summary>
    private sealed class Reports : IProgress<JobProgress>, IAsyncDisposable
    {
        private readonly CancellationTokenSource _ended;
        private readonly Task _loop;
        private readonly Action<JobProgress> _keep;
        private volatile JobProgress? _last;

        public Reports(TrainingWorker worker, string arn, JobFolder folder, string note, CancellationToken cancel)
        {
            _keep = progress => TrainingHistory.Add(folder.Path, progress, worker.Now);
            _ended = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            _loop = LoopAsync(worker, arn, note, _ended.Token);
        }

        public void Report(JobProgress value)
        {
            _last = value;
            _keep(value);
        }

        public async ValueTask DisposeAsync()
        {
            await _ended.CancelAsync();
            await _loop;
            _ended.Dispose();
        }

        private async Task LoopAsync(TrainingWorker worker, string arn, string note, CancellationToken cancel)
        {
            var basis = ProjectVersionStates.Message(ProjectVersionStatus.TRAINING_IN_PROGRESS) + note;
            using var timer = new PeriodicTimer(_reportEvery);
            JobProgress? written = null;
            var ticks = 0;
            try
            {
                while (await timer.WaitForNextTickAsync(cancel))
                {
                    var last = _last;
                    // Without news, only the lease is renewed, well before it expires.
                    if (!ReferenceEquals(last, written) || ++ticks * _reportEvery > JobCatalog.LeaseTime / 3)
                    {
                        (written, ticks) = (last, 0);
                        await worker.ReportAsync(arn, last is null ? basis : $"{basis} {last.Sentence}", cancel);
                    }
                }
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
            }
        }
    }
}
