namespace Ocellus.Training.Server;

// The events of the worker.
internal sealed partial class TrainingWorker
{
    private static partial class Log
    {
        [LoggerMessage(1301, LogLevel.Information, "Training {ProjectVersionArn}")]
        public static partial void JobStarted(ILogger log, string projectVersionArn);

        [LoggerMessage(1303, LogLevel.Warning, "The training process of {ProjectVersionArn} died ({Crashes} times so far): {Reason}")]
        public static partial void ProcessDied(ILogger log, string projectVersionArn, long crashes, string reason);

        [LoggerMessage(1304, LogLevel.Error, "The training job of {ProjectVersionArn} failed")]
        public static partial void JobFailed(ILogger log, Exception failure, string projectVersionArn);

        [LoggerMessage(1308, LogLevel.Warning, "The store or the disk does not allow training {ProjectVersionArn} now; trying again within {RetrySeconds} s")]
        public static partial void JobPostponed(ILogger log, Exception? failure, string projectVersionArn, double retrySeconds);

        [LoggerMessage(1307, LogLevel.Error, "The trainings could not be read from the database; trying again within {RetrySeconds} s")]
        public static partial void PollFailed(ILogger log, Exception failure, double retrySeconds);

        [LoggerMessage(1310, LogLevel.Information, "The training of {ProjectVersionArn} was cancelled")]
        public static partial void JobCancelled(ILogger log, string projectVersionArn);

        [LoggerMessage(1323, LogLevel.Warning, "The training of {ProjectVersionArn} goes on at another server")]
        public static partial void JobLost(ILogger log, string projectVersionArn);

        [LoggerMessage(1309, LogLevel.Error, "A file of the training of {ProjectVersionArn} is damaged and is made again: {Reason}")]
        public static partial void FileDamaged(ILogger log, string projectVersionArn, string reason);

        [LoggerMessage(1306, LogLevel.Warning, "A progress report of {ProjectVersionArn} could not be written")]
        public static partial void ReportLost(ILogger log, Exception failure, string projectVersionArn);
    }
}
