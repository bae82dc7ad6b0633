namespace Ocellus.Vision.Boxes;

/// <summary>Overlap of boxes.</summary>
public static class BoxOverlap
{
    /// <summary>Intersection over union, 0 to 1; 0 for boxes without area.</summary>
    /// <remarks>Ratios work as well as pixels: stretching an axis scales all areas alike.</remarks>
    public static double Iou(Box a, Box b)
    {
        double width = Math.Min((double)a.Left + a.Width, (double)b.Left + b.Width) - Math.Max(a.Left, b.Left);
        double height = Math.Min((double)a.Top + a.Height, (double)b.Top + b.Height) - Math.Max(a.Top, b.Top);
        if (width <= 0 || height <= 0)
        {
            return 0;
        }

        double intersection = width * height;
        return intersection / ((double)a.Width * a.Height + (double)b.Width * b.Height - intersection);
    }
}
